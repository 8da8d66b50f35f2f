// Reads weights in the device layout of shared/quant_blocks.h. WEIGHT_TYPE selects the type. UNIT_SCALE, UNIT_PAIR and
// UNIT_WORDS are macros because GLSL passes no buffer to a function: `words` is the uint array of the weight buffer,
// `quads` the same as uvec4. UNIT_PAIR loads what one pair needs; UNIT_WORDS a whole unit, of which unit_pair makes the
// pairs.
#include "lib/weight_types.glsl"
#include "shared/quant_blocks.h"

// Value = d * q + m; the lower 16 values of a unit use (d_lo, m_lo), the upper (d_hi, m_hi).
struct UnitScale {
  float d_lo, d_hi, m_lo, m_hi;
};
struct UnitPair {
  vec4 lo, hi;
};

#define FOUR_WORDS(words, at) uvec4(words[at], words[at + 1u], words[at + 2u], words[at + 3u])
vec4 bytes_to_vec4(uint word) { return vec4(word & 0xffu, (word >> 8) & 0xffu, (word >> 16) & 0xffu, word >> 24); }
vec4 signed_bytes_to_vec4(uint word) {
  const int w = int(word);
  return vec4(bitfieldExtract(w, 0, 8), bitfieldExtract(w, 8, 8), bitfieldExtract(w, 16, 8), bitfieldExtract(w, 24, 8));
}
// The bits above the nibbles of four values, in their bytes' places; index: of the nibble word, plus 4 for high nibbles
// (Q6_K has a word of upper bits for each of the two).
uint fifth_bits(uint word, uint index) { return ((word >> index) & 0x01010101u) << 4; }
uint upper_two_bits(uint word, uint index) { return ((word >> (2u * index)) & 0x03030303u) << 4; }

// Where record `record` of `words` words of a row begins: its first quad, and what follows its quads. Further quads lie
// QUAD_STRIDE words apart.
#define QUAD_STRIDE (4u * kRowInterleave)
uvec2 record_base(uint offset, uint row, uint records, uint record, uint words) {
  const uint group = offset + ((row / kRowInterleave) * records + record) * words * kRowInterleave;
  const uint lane = row % kRowInterleave;
  return group + uvec2(4u * lane, words / 4u * QUAD_STRIDE + words % 4u * lane);
}
uvec2 unit_base(uint offset, uint row, uint units, uint unit) {
  return record_base(offset, row, units, unit, QUANT_WORDS);
}

// Codes of fewer than four bits: all words of a unit, and from them pair j.
#if CODE_BITS == 1
#define FEW_WORDS(words, base) uvec3(words[base.y], 0u, 0u)
uvec2 few_codes(uvec3 w, uint j) { return (uvec2(w.x) >> uvec2(j, 4u + j)) & 0x01010101u; }
#elif CODE_BITS == 2
#define FEW_WORDS(words, base) uvec3(words[base.y], words[base.y + 1u], 0u)
uvec2 few_codes(uvec3 w, uint j) { return (w.xy >> (2u * j)) & 0x03030303u; }
#elif CODE_BITS == 3
#define FEW_WORDS(words, base) uvec3(words[base.y], words[base.y + 1u], words[base.y + 2u])
uvec2 few_codes(uvec3 w, uint j) {
  return ((w.xy >> (2u * j)) & 0x03030303u) | (((uvec2(w.z) >> uvec2(j, 4u + j)) & 0x01010101u) << 2);
}
#endif

struct UnitWords {
  uvec4 quad[max(QUANT_WORDS / 4u, 1u)];
  uvec2 rest;
};
#define UNIT_QUAD(quads, base, i) quads[base.x / 4u + i * kRowInterleave]
#if WEIGHT_TYPE == 0
#define UNIT_WORDS(words, quads, base) UnitWords(uvec4[8]( \
    UNIT_QUAD(quads, base, 0u), UNIT_QUAD(quads, base, 1u), UNIT_QUAD(quads, base, 2u), UNIT_QUAD(quads, base, 3u), \
    UNIT_QUAD(quads, base, 4u), UNIT_QUAD(quads, base, 5u), UNIT_QUAD(quads, base, 6u), UNIT_QUAD(quads, base, 7u)), \
    uvec2(0u))
#elif WEIGHT_TYPE <= 2
#define UNIT_WORDS(words, quads, base) UnitWords(uvec4[4]( \
    UNIT_QUAD(quads, base, 0u), UNIT_QUAD(quads, base, 1u), UNIT_QUAD(quads, base, 2u), UNIT_QUAD(quads, base, 3u)), \
    uvec2(0u))
#elif WEIGHT_TYPE == 3
#define UNIT_WORDS(words, quads, base) \
  UnitWords(uvec4[2](UNIT_QUAD(quads, base, 0u), UNIT_QUAD(quads, base, 1u)), uvec2(0u))
#elif CODE_BITS < 4
#define UNIT_WORDS(words, quads, base) UnitWords(uvec4[1](uvec4(FEW_WORDS(words, base), 0u)), uvec2(0u))
#elif CODE_BITS == 4
#define UNIT_WORDS(words, quads, base) UnitWords(uvec4[1](UNIT_QUAD(quads, base, 0u)), uvec2(0u))
#elif CODE_BITS == 5
#define UNIT_WORDS(words, quads, base) UnitWords(uvec4[1](UNIT_QUAD(quads, base, 0u)), uvec2(words[base.y], 0u))
#else
#define UNIT_WORDS(words, quads, base) \
  UnitWords(uvec4[1](UNIT_QUAD(quads, base, 0u)), uvec2(words[base.y], words[base.y + 1u]))
#endif

#if WEIGHT_TYPE == 0
#define UNIT_PAIR(words, base, j, s) UnitPair( \
    uintBitsToFloat(FOUR_WORDS(words, base.x + QUAD_STRIDE * j)), \
    uintBitsToFloat(FOUR_WORDS(words, base.x + QUAD_STRIDE * (j + 4u))))
UnitPair unit_pair(const in UnitWords u, uint j, UnitScale s) {
  return UnitPair(uintBitsToFloat(u.quad[j]), uintBitsToFloat(u.quad[j + 4u]));
}

#elif WEIGHT_TYPE <= 2
#if WEIGHT_TYPE == 1
vec2 unpack_two(uint word) { return unpackHalf2x16(word); }
#else
vec2 unpack_two(uint word) { return vec2(uintBitsToFloat(word << 16), uintBitsToFloat(word & 0xffff0000u)); }
#endif
// The first word of four values: lower ones j, upper ones j + 4.
#define TWO_WORDS_AT(j) ((j) / 2u * QUAD_STRIDE + (j) % 2u * 2u)
vec4 unpack_four(uint first, uint second) { return vec4(unpack_two(first), unpack_two(second)); }
#define UNIT_PAIR(words, base, j, s) UnitPair( \
    unpack_four(words[base.x + TWO_WORDS_AT(j)], words[base.x + TWO_WORDS_AT(j) + 1u]), \
    unpack_four(words[base.x + TWO_WORDS_AT(j + 4u)], words[base.x + TWO_WORDS_AT(j + 4u) + 1u]))
UnitPair unit_pair(const in UnitWords u, uint j, UnitScale s) {
  const uvec4 lo = u.quad[j / 2u], hi = u.quad[j / 2u + 2u];
  return j % 2u == 0u ? UnitPair(unpack_four(lo.x, lo.y), unpack_four(hi.x, hi.y))
                      : UnitPair(unpack_four(lo.z, lo.w), unpack_four(hi.z, hi.w));
}
#elif WEIGHT_TYPE == 3
#define UNIT_PAIR(words, base, j, s) UnitPair( \
    signed_bytes_to_vec4(words[base.x + j]) * s.d_lo, signed_bytes_to_vec4(words[base.x + QUAD_STRIDE + j]) * s.d_hi)
UnitPair unit_pair(const in UnitWords u, uint j, UnitScale s) {
  return UnitPair(signed_bytes_to_vec4(u.quad[0][j]) * s.d_lo, signed_bytes_to_vec4(u.quad[1][j]) * s.d_hi);
}

#else
#if CURVED
// A float of this size has no fraction, so a sum with it is rounded.
const float ROUNDING = 12582912.0;
vec4 curved(vec4 f) {
  const precise vec4 sum = fma(f, CURVE(f), vec4(ROUNDING + CURVE_0));
  const precise vec4 rounded = sum - ROUNDING;
  return rounded;
}
vec4 code_values(uint codes) {
  return curved(fma(bytes_to_vec4(codes), vec4(1.0 / float(1 << CODE_BITS)), vec4(1.0)));
}
#else
vec4 code_values(uint codes) { return bytes_to_vec4(codes); }
#endif
// Of codes that are the bytes of two words.
UnitPair code_pair(uvec2 codes, UnitScale s) {
  return UnitPair(fma(code_values(codes.x), vec4(s.d_lo), vec4(s.m_lo)),
                  fma(code_values(codes.y), vec4(s.d_hi), vec4(s.m_hi)));
}
#if CODE_BITS >= 4
uvec2 nibble_codes(uint word, uint upper_lo, uint upper_hi) {
  return uvec2((word & 0x0f0f0f0fu) | upper_lo, ((word >> 4) & 0x0f0f0f0fu) | upper_hi);
}
// The codes of pair j from its nibbles and the words after the quads.
uvec2 pair_codes(uint word, uvec2 rest, uint j) {
#if CODE_BITS == 4
  return nibble_codes(word, 0u, 0u);
#elif CODE_BITS == 5
  return nibble_codes(word, fifth_bits(rest.x, j), fifth_bits(rest.x, 4u + j));
#else
  return nibble_codes(word, upper_two_bits(rest.x, j), upper_two_bits(rest.y, j));
#endif
}
#if CODE_BITS == 4
#define REST_WORDS(words, base) uvec2(0u)
#elif CODE_BITS == 5
#define REST_WORDS(words, base) uvec2(words[base.y], 0u)
#else
#define REST_WORDS(words, base) uvec2(words[base.y], words[base.y + 1u])
#endif
#define UNIT_PAIR(words, base, j, s) code_pair(pair_codes(words[base.x + j], REST_WORDS(words, base), j), s)
UnitPair unit_pair(const in UnitWords u, uint j, UnitScale s) {
  return code_pair(pair_codes(u.quad[0][j], u.rest, j), s);
}
#else
#define UNIT_PAIR(words, base, j, s) code_pair(few_codes(FEW_WORDS(words, base), j), s)
UnitPair unit_pair(const in UnitWords u, uint j, UnitScale s) { return code_pair(few_codes(u.quad[0].xyz, j), s); }
#endif
#endif

// Of types without a minimum.
UnitScale zero_scale(float d_lo, float d_hi) {
  const vec2 d = STEP * vec2(d_lo, d_hi), m = ZERO == 0.0 ? vec2(0.0) : -ZERO * d;
  return UnitScale(d.x, d.y, m.x, m.y);
}

// SCALE_RECORD: what unit_scale makes the scale of a unit from.
#define RECORDS(units) ((units + uint(SCALE_UNITS - 1)) / uint(SCALE_UNITS))
#define SCALE_BASE(offset, row, units, unit) \
  record_base(offset, row, RECORDS(units), (unit) / uint(SCALE_UNITS), uint(SCALE_WORDS))
#if SCALE_WORDS == 0
#define SCALE_RECORD(words, offset, row, units, unit) uvec4(0u)
#elif SCALE_WORDS == 1
#define SCALE_RECORD(words, offset, row, units, unit) \
  uvec4(words[SCALE_BASE(offset, row, units, unit).y], 0u, 0u, 0u)
#elif SCALE_WORDS == 2
#define SCALE_RECORD(words, offset, row, units, unit) uvec4(words[SCALE_BASE(offset, row, units, unit).y], \
                                                            words[SCALE_BASE(offset, row, units, unit).y + 1u], 0u, 0u)
#elif SCALE_WORDS == 4
#define SCALE_RECORD(words, offset, row, units, unit) FOUR_WORDS(words, SCALE_BASE(offset, row, units, unit).x)
#define SCALE_RECORD_WIDE(words, quads, offset, row, units, unit) \
  quads[SCALE_BASE(offset, row, units, unit).x / 4u]
#else
#define SCALE_RECORD(words, offset, row, units, unit) \
  uvec4(words[SCALE_BASE(offset, row, units, unit).x + (unit) % 8u / 2u], \
        words[SCALE_BASE(offset, row, units, unit).y], 0u, 0u)
#endif

#if SCALES == SCALES_NONE
UnitScale unit_scale(uvec4 record, uint unit) { return UnitScale(1.0, 1.0, 0.0, 0.0); }
#elif SCALES == SCALES_HALF
UnitScale unit_scale(uvec4 record, uint unit) {
  const vec2 both = unpackHalf2x16(record.x);
  const float d = (unit / uint(HALF_UNITS) & 1u) == 0u ? both.x : both.y;
  return zero_scale(d, d);
}
#elif SCALES == SCALES_AFFINE
UnitScale unit_scale(uvec4 record, uint unit) {
  const vec2 dm = unpackHalf2x16(record.x);
  return UnitScale(dm.x, dm.x, dm.y, dm.y);
}
#elif SCALES == SCALES_PACKED
// 6-bit scales and minima, and what they are multiplied by.
UnitScale unit_scale(uvec4 record, uint unit) {
  const uint u = unit % 8u;
  const vec2 dm = unpackHalf2x16(record.x);
  const uint scale = ((record.y >> (4u * u)) & 15u) | (((record.w >> (2u * u)) & 3u) << 4);
  const uint minimum = ((record.z >> (4u * u)) & 15u) | (((record.w >> (2u * u + 16u)) & 3u) << 4);
  const float d = dm.x * float(scale), m = -dm.y * float(minimum);
  return UnitScale(d, d, m, m);
}
#elif SCALES == SCALES_SIGNED
UnitScale unit_scale(uvec4 record, uint unit) {
  const vec4 scales = signed_bytes_to_vec4(record.x);
  const vec2 s = unpackHalf2x16(record.y).x * ((unit & 1u) == 0u ? scales.xy : scales.zw);
  return zero_scale(s.x, s.y);
}
#elif SCALES == SCALES_Q2_K
UnitScale unit_scale(uvec4 record, uint unit) {
  const vec2 dm = unpackHalf2x16(record.y);
  const uint both = record.x >> (16u * (unit & 1u));
  return UnitScale(dm.x * float(both & 15u), dm.x * float((both >> 8) & 15u), -dm.y * float((both >> 4) & 15u),
                   -dm.y * float((both >> 12) & 15u));
}
#elif SCALES == SCALES_SIX
UnitScale unit_scale(uvec4 record, uint unit) {
  const uint u = unit % 8u;
  const uint biased = ((record.y >> (4u * u)) & 15u) | (((record.x >> (2u * u + 16u)) & 3u) << 4);
  const float d = unpackHalf2x16(record.x).x * (float(biased) - 32.0);
  return zero_scale(d, d);
}
#elif SCALES == SCALES_E8M0
// 2^(e - 128). What is smaller than a float's normal numbers becomes 0.
UnitScale unit_scale(uvec4 record, uint unit) {
  const uint e = (record.x >> (8u * (unit % 4u))) & 0xffu;
  const float d = uintBitsToFloat((max(e, 1u) - 1u) << 23);
  return zero_scale(d, d);
}
#else
float e4m3(uint byte) {
  const uint magnitude = byte & 127u;
  const float normal = uintBitsToFloat((magnitude << 20) + (120u << 23));
  return magnitude == 127u ? 0.0 : magnitude < 8u ? float(magnitude) * (1.0 / 512.0) : normal;
}
UnitScale unit_scale(uvec4 record, uint unit) {
  const uint both = record.x >> (16u * (unit & 1u));
  const float d = uintBitsToFloat(record.y);
  return zero_scale(d * e4m3(both & 0xffu), d * e4m3((both >> 8) & 0xffu));
}
#endif

// WIDE: where there are quads to load.
#ifndef SCALE_RECORD_WIDE
#define SCALE_RECORD_WIDE(words, quads, offset, row, units, unit) SCALE_RECORD(words, offset, row, units, unit)
#endif
#define UNIT_SCALE(words, offset, row, units, unit) unit_scale(SCALE_RECORD(words, offset, row, units, unit), unit)
#define UNIT_SCALE_WIDE(words, quads, offset, row, units, unit) \
  unit_scale(SCALE_RECORD_WIDE(words, quads, offset, row, units, unit), unit)
