// Reads weights in the device layout of shared/quant_blocks.h. WEIGHT_TYPE selects the type. UNIT_SCALE, UNIT_PAIR and
// UNIT_WORDS are macros because GLSL passes no buffer to a function: `words` is the uint array of the weight buffer,
// `quads` the same as uvec4. UNIT_PAIR loads what one pair needs; UNIT_WORDS a whole unit, of which unit_pair makes the
// pairs.
#include "shared/quant_blocks.h"

// Value = d * q + m; the lower 16 values of a unit use (d_lo, m_lo), the upper (d_hi, m_hi).
struct UnitScale {
  float d_lo, d_hi, m_lo, m_hi;
};
struct UnitPair {
  vec4 lo, hi;
};

#if WEIGHT_TYPE == 0
#define QUANT_WORDS 32u
#elif WEIGHT_TYPE == 1 || WEIGHT_TYPE == 2
#define QUANT_WORDS 16u
#elif WEIGHT_TYPE == 3
#define QUANT_WORDS 8u
#elif WEIGHT_TYPE == 4 || WEIGHT_TYPE == 5 || WEIGHT_TYPE == 8
#define QUANT_WORDS 4u
#elif WEIGHT_TYPE == 6 || WEIGHT_TYPE == 7 || WEIGHT_TYPE == 9
#define QUANT_WORDS 5u
#elif WEIGHT_TYPE == 10
#define QUANT_WORDS 6u
#endif

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

struct UnitWords {
  uvec4 quad[QUANT_WORDS / 4u];
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
#elif WEIGHT_TYPE == 4 || WEIGHT_TYPE == 5 || WEIGHT_TYPE == 8
#define UNIT_WORDS(words, quads, base) UnitWords(uvec4[1](UNIT_QUAD(quads, base, 0u)), uvec2(0u))
#elif WEIGHT_TYPE == 10
#define UNIT_WORDS(words, quads, base) \
  UnitWords(uvec4[1](UNIT_QUAD(quads, base, 0u)), uvec2(words[base.y], words[base.y + 1u]))
#else
#define UNIT_WORDS(words, quads, base) UnitWords(uvec4[1](UNIT_QUAD(quads, base, 0u)), uvec2(words[base.y], 0u))
#endif

#if WEIGHT_TYPE <= 2
#define SCALE_RECORD(words, offset, row, units, unit) uvec4(0u)
UnitScale unit_scale(uvec4 record, uint unit) { return UnitScale(1.0, 1.0, 0.0, 0.0); }
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

#else
// One half of a word of two scales: q - zero is what d multiplies.
UnitScale half_scale(uint word, uint unit, float zero) {
  const vec2 both = unpackHalf2x16(word);
  const float d = (unit & 1u) == 0u ? both.x : both.y;
  return UnitScale(d, d, -zero * d, -zero * d);
}
UnitScale affine_scale(uint word) {
  const vec2 dm = unpackHalf2x16(word);
  return UnitScale(dm.x, dm.x, dm.y, dm.y);
}
// The 6-bit scale and minimum of unit 0..7 in a superblock, and what they are multiplied by.
UnitScale packed_scale(uvec4 words, uint unit) {
  const vec2 dm = unpackHalf2x16(words.x);
  const uint scale = ((words.y >> (4u * unit)) & 15u) | (((words.w >> (2u * unit)) & 3u) << 4);
  const uint minimum = ((words.z >> (4u * unit)) & 15u) | (((words.w >> (2u * unit + 16u)) & 3u) << 4);
  const float d = dm.x * float(scale), m = -dm.y * float(minimum);
  return UnitScale(d, d, m, m);
}
UnitScale signed_pair_scale(uint word, uint unit, float d) {
  const vec4 scales = signed_bytes_to_vec4(word);
  const vec2 s = d * ((unit & 1u) == 0u ? scales.xy : scales.zw);
  return UnitScale(s.x, s.y, -32.0 * s.x, -32.0 * s.y);
}

#if WEIGHT_TYPE == 3 || WEIGHT_TYPE == 4 || WEIGHT_TYPE == 6
#define SCALE_RECORD(words, offset, row, units, unit) \
  uvec4(words[record_base(offset, row, (units + 1u) / 2u, (unit) / 2u, 1u).y], 0u, 0u, 0u)
UnitScale unit_scale(uvec4 record, uint unit) {
  return half_scale(record.x, unit, WEIGHT_TYPE == 3 ? 0.0 : WEIGHT_TYPE == 4 ? 8.0 : 16.0);
}
#elif WEIGHT_TYPE == 5 || WEIGHT_TYPE == 7
#define SCALE_RECORD(words, offset, row, units, unit) \
  uvec4(words[record_base(offset, row, units, unit, 1u).y], 0u, 0u, 0u)
UnitScale unit_scale(uvec4 record, uint unit) { return affine_scale(record.x); }
#elif WEIGHT_TYPE == 8 || WEIGHT_TYPE == 9
#define SCALE_RECORD(words, offset, row, units, unit) \
  FOUR_WORDS(words, record_base(offset, row, (units) / 8u, (unit) / 8u, 4u).x)
#define SCALE_RECORD_WIDE(words, quads, offset, row, units, unit) \
  quads[record_base(offset, row, (units) / 8u, (unit) / 8u, 4u).x / 4u]
UnitScale unit_scale(uvec4 record, uint unit) { return packed_scale(record, unit % 8u); }
#else
#define SUPER_BASE(offset, row, units, unit) record_base(offset, row, (units) / 8u, (unit) / 8u, 5u)
#define SCALE_RECORD(words, offset, row, units, unit) \
  uvec4(words[SUPER_BASE(offset, row, units, unit).x + (unit) % 8u / 2u], \
        words[SUPER_BASE(offset, row, units, unit).y], 0u, 0u)
UnitScale unit_scale(uvec4 record, uint unit) {
  return signed_pair_scale(record.x, unit, unpackHalf2x16(record.y).x);
}
#endif

#if WEIGHT_TYPE == 3
#define UNIT_PAIR(words, base, j, s) UnitPair( \
    signed_bytes_to_vec4(words[base.x + j]) * s.d_lo, signed_bytes_to_vec4(words[base.x + QUAD_STRIDE + j]) * s.d_hi)
UnitPair unit_pair(const in UnitWords u, uint j, UnitScale s) {
  return UnitPair(signed_bytes_to_vec4(u.quad[0][j]) * s.d_lo, signed_bytes_to_vec4(u.quad[1][j]) * s.d_hi);
}
#else
UnitPair nibble_pair(uint word, uint upper_lo, uint upper_hi, UnitScale s) {
  return UnitPair(fma(bytes_to_vec4((word & 0x0f0f0f0fu) | upper_lo), vec4(s.d_lo), vec4(s.m_lo)),
                  fma(bytes_to_vec4(((word >> 4) & 0x0f0f0f0fu) | upper_hi), vec4(s.d_hi), vec4(s.m_hi)));
}
#if WEIGHT_TYPE == 4 || WEIGHT_TYPE == 5 || WEIGHT_TYPE == 8
#define UNIT_PAIR(words, base, j, s) nibble_pair(words[base.x + j], 0u, 0u, s)
UnitPair unit_pair(const in UnitWords u, uint j, UnitScale s) { return nibble_pair(u.quad[0][j], 0u, 0u, s); }
#elif WEIGHT_TYPE == 6 || WEIGHT_TYPE == 7 || WEIGHT_TYPE == 9
#define UNIT_PAIR(words, base, j, s) \
  nibble_pair(words[base.x + j], fifth_bits(words[base.y], j), fifth_bits(words[base.y], 4u + j), s)
UnitPair unit_pair(const in UnitWords u, uint j, UnitScale s) {
  return nibble_pair(u.quad[0][j], fifth_bits(u.rest.x, j), fifth_bits(u.rest.x, 4u + j), s);
}
#else
#define UNIT_PAIR(words, base, j, s) \
  nibble_pair(words[base.x + j], upper_two_bits(words[base.y], j), upper_two_bits(words[base.y + 1u], j), s)
UnitPair unit_pair(const in UnitWords u, uint j, UnitScale s) {
  return nibble_pair(u.quad[0][j], upper_two_bits(u.rest.x, j), upper_two_bits(u.rest.y, j), s);
}
#endif
#endif
#endif

// What unit_scale makes the scale of a unit from; WIDE: where there are quads to load.
#ifndef SCALE_RECORD_WIDE
#define SCALE_RECORD_WIDE(words, quads, offset, row, units, unit) SCALE_RECORD(words, offset, row, units, unit)
#endif
#define UNIT_SCALE(words, offset, row, units, unit) unit_scale(SCALE_RECORD(words, offset, row, units, unit), unit)
#define UNIT_SCALE_WIDE(words, quads, offset, row, units, unit) \
  unit_scale(SCALE_RECORD_WIDE(words, quads, offset, row, units, unit), unit)
