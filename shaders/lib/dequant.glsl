// Reads weights in the device layout of shared/quant_blocks.h. WEIGHT_TYPE selects the type. UNIT_SCALE, UNIT_PAIR and
// UNIT_WORDS are macros because GLSL passes no buffer to a function: `words` is the uint array of the weight buffer.
// UNIT_PAIR loads what one pair needs; UNIT_WORDS loads a whole unit, of which unit_pair makes the pairs.
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

struct UnitWords {
  uint word[QUANT_WORDS];
};
#define FOUR_WORDS(words, base) words[base], words[base + 8u], words[base + 16u], words[base + 24u]
#if WEIGHT_TYPE == 0
#define SIXTEEN_WORDS(words, base) \
  FOUR_WORDS(words, base), FOUR_WORDS(words, base + 32u), FOUR_WORDS(words, base + 64u), FOUR_WORDS(words, base + 96u)
#define UNIT_WORDS(words, base) UnitWords(uint[32](SIXTEEN_WORDS(words, base), SIXTEEN_WORDS(words, base + 128u)))
#elif WEIGHT_TYPE <= 2
#define UNIT_WORDS(words, base) UnitWords(uint[16]( \
    FOUR_WORDS(words, base), FOUR_WORDS(words, base + 32u), FOUR_WORDS(words, base + 64u), FOUR_WORDS(words, base + 96u)))
#elif WEIGHT_TYPE == 3
#define UNIT_WORDS(words, base) UnitWords(uint[8](FOUR_WORDS(words, base), FOUR_WORDS(words, base + 32u)))
#elif WEIGHT_TYPE == 4 || WEIGHT_TYPE == 5 || WEIGHT_TYPE == 8
#define UNIT_WORDS(words, base) UnitWords(uint[4](FOUR_WORDS(words, base)))
#elif WEIGHT_TYPE == 10
#define UNIT_WORDS(words, base) UnitWords(uint[6](FOUR_WORDS(words, base), words[base + 32u], words[base + 40u]))
#else
#define UNIT_WORDS(words, base) UnitWords(uint[5](FOUR_WORDS(words, base), words[base + 32u]))
#endif

uint scale_words_per_row(uint units) {
#if WEIGHT_TYPE <= 2
  return 0u;
#elif WEIGHT_TYPE == 3 || WEIGHT_TYPE == 4 || WEIGHT_TYPE == 6
  return (units + 1u) / 2u;
#elif WEIGHT_TYPE == 5 || WEIGHT_TYPE == 7
  return units;
#elif WEIGHT_TYPE == 8 || WEIGHT_TYPE == 9
  return units / 8u * 4u;
#else
  return units / 8u * 5u;
#endif
}

vec4 bytes_to_vec4(uint word) { return vec4(word & 0xffu, (word >> 8) & 0xffu, (word >> 16) & 0xffu, word >> 24); }
vec4 signed_bytes_to_vec4(uint word) {
  const int w = int(word);
  return vec4(bitfieldExtract(w, 0, 8), bitfieldExtract(w, 8, 8), bitfieldExtract(w, 16, 8), bitfieldExtract(w, 24, 8));
}
// The bits above the nibbles of four values, in their bytes' places; index: of the nibble word, plus 4 for high nibbles
// (Q6_K has a word of upper bits for each of the two).
uint fifth_bits(uint word, uint index) { return ((word >> index) & 0x01010101u) << 4; }
uint upper_two_bits(uint word, uint index) { return ((word >> (2u * index)) & 0x03030303u) << 4; }

#define INTERLEAVED(offset, row, words_per_row, word) \
  ((offset) + (((row) / kRowInterleave) * (words_per_row) + (word)) * kRowInterleave + (row) % kRowInterleave)

#if WEIGHT_TYPE == 0
#define UNIT_SCALE(words, offset, row, units, unit) UnitScale(1.0, 1.0, 0.0, 0.0)
#define UNIT_PAIR(words, base, j, s) UnitPair( \
    vec4(uintBitsToFloat(words[base + 32u * j]), uintBitsToFloat(words[base + 32u * j + 8u]), \
         uintBitsToFloat(words[base + 32u * j + 16u]), uintBitsToFloat(words[base + 32u * j + 24u])), \
    vec4(uintBitsToFloat(words[base + 128u + 32u * j]), uintBitsToFloat(words[base + 136u + 32u * j]), \
         uintBitsToFloat(words[base + 144u + 32u * j]), uintBitsToFloat(words[base + 152u + 32u * j])))

UnitPair unit_pair(const in UnitWords u, uint j, UnitScale s) {
  const uint at = 4u * j;
  return UnitPair(uintBitsToFloat(uvec4(u.word[at], u.word[at + 1u], u.word[at + 2u], u.word[at + 3u])),
                  uintBitsToFloat(uvec4(u.word[at + 16u], u.word[at + 17u], u.word[at + 18u], u.word[at + 19u])));
}

#elif WEIGHT_TYPE == 1
#define UNIT_SCALE(words, offset, row, units, unit) UnitScale(1.0, 1.0, 0.0, 0.0)
#define UNIT_PAIR(words, base, j, s) UnitPair( \
    vec4(unpackHalf2x16(words[base + 16u * j]), unpackHalf2x16(words[base + 16u * j + 8u])), \
    vec4(unpackHalf2x16(words[base + 64u + 16u * j]), unpackHalf2x16(words[base + 72u + 16u * j])))

UnitPair unit_pair(const in UnitWords u, uint j, UnitScale s) {
  const uint at = 2u * j;
  return UnitPair(vec4(unpackHalf2x16(u.word[at]), unpackHalf2x16(u.word[at + 1u])),
                  vec4(unpackHalf2x16(u.word[at + 8u]), unpackHalf2x16(u.word[at + 9u])));
}

#elif WEIGHT_TYPE == 2
vec2 unpack_bfloat(uint word) { return vec2(uintBitsToFloat(word << 16), uintBitsToFloat(word & 0xffff0000u)); }
#define UNIT_SCALE(words, offset, row, units, unit) UnitScale(1.0, 1.0, 0.0, 0.0)
#define UNIT_PAIR(words, base, j, s) UnitPair( \
    vec4(unpack_bfloat(words[base + 16u * j]), unpack_bfloat(words[base + 16u * j + 8u])), \
    vec4(unpack_bfloat(words[base + 64u + 16u * j]), unpack_bfloat(words[base + 72u + 16u * j])))

UnitPair unit_pair(const in UnitWords u, uint j, UnitScale s) {
  const uint at = 2u * j;
  return UnitPair(vec4(unpack_bfloat(u.word[at]), unpack_bfloat(u.word[at + 1u])),
                  vec4(unpack_bfloat(u.word[at + 8u]), unpack_bfloat(u.word[at + 9u])));
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
uint byte_of(uint word, uint index) { return (word >> (8u * index)) & 0xffu; }
// The packed 6-bit scale and minimum of unit 0..7 in a superblock (12 bytes in s0, s1, s2).
UnitScale packed_scale(uint dm_word, uint s0, uint s1, uint s2, uint unit) {
  const vec2 dm = unpackHalf2x16(dm_word);
  const uint i = unit & 3u;
  const uint low = byte_of(s0, i), middle = byte_of(s1, i), high = byte_of(s2, i);
  const uint late = unit < 4u ? 0u : 0xffffffffu;  // a mask, for which no compiler branches
  const uint scale = (low & 63u & ~late) | (((high & 15u) | ((low >> 6) << 4)) & late);
  const uint minimum = (middle & 63u & ~late) | (((high >> 4) | ((middle >> 6) << 4)) & late);
  const float d = dm.x * float(scale), m = -dm.y * float(minimum);
  return UnitScale(d, d, m, m);
}
UnitScale signed_pair_scale(uint word, uint unit, float d) {
  const vec4 scales = signed_bytes_to_vec4(word);
  const vec2 s = d * ((unit & 1u) == 0u ? scales.xy : scales.zw);
  return UnitScale(s.x, s.y, -32.0 * s.x, -32.0 * s.y);
}

#if WEIGHT_TYPE == 3
#define UNIT_SCALE(words, offset, row, units, unit) \
  half_scale(words[INTERLEAVED(offset, row, scale_words_per_row(units), (unit) / 2u)], unit, 0.0)
#elif WEIGHT_TYPE == 4
#define UNIT_SCALE(words, offset, row, units, unit) \
  half_scale(words[INTERLEAVED(offset, row, scale_words_per_row(units), (unit) / 2u)], unit, 8.0)
#elif WEIGHT_TYPE == 6
#define UNIT_SCALE(words, offset, row, units, unit) \
  half_scale(words[INTERLEAVED(offset, row, scale_words_per_row(units), (unit) / 2u)], unit, 16.0)
#elif WEIGHT_TYPE == 5 || WEIGHT_TYPE == 7
#define UNIT_SCALE(words, offset, row, units, unit) \
  affine_scale(words[INTERLEAVED(offset, row, scale_words_per_row(units), unit)])
#elif WEIGHT_TYPE == 8 || WEIGHT_TYPE == 9
#define SUPER_WORD(words, offset, row, units, unit, word) \
  words[INTERLEAVED(offset, row, scale_words_per_row(units), (unit) / 8u * 4u + word)]
#define UNIT_SCALE(words, offset, row, units, unit) \
  packed_scale(SUPER_WORD(words, offset, row, units, unit, 0u), SUPER_WORD(words, offset, row, units, unit, 1u), \
               SUPER_WORD(words, offset, row, units, unit, 2u), SUPER_WORD(words, offset, row, units, unit, 3u), \
               (unit) % 8u)
#else
#define SUPER_WORD(words, offset, row, units, unit, word) \
  words[INTERLEAVED(offset, row, scale_words_per_row(units), (unit) / 8u * 5u + word)]
#define UNIT_SCALE(words, offset, row, units, unit) \
  signed_pair_scale(SUPER_WORD(words, offset, row, units, unit, ((unit) % 8u) / 2u), unit, \
                    unpackHalf2x16(SUPER_WORD(words, offset, row, units, unit, 4u)).x)
#endif

#if WEIGHT_TYPE == 3
#define UNIT_PAIR(words, base, j, s) UnitPair( \
    signed_bytes_to_vec4(words[base + 8u * j]) * s.d_lo, signed_bytes_to_vec4(words[base + 32u + 8u * j]) * s.d_hi)
UnitPair unit_pair(const in UnitWords u, uint j, UnitScale s) {
  return UnitPair(signed_bytes_to_vec4(u.word[j]) * s.d_lo, signed_bytes_to_vec4(u.word[j + 4u]) * s.d_hi);
}
#else
UnitPair nibble_pair(uint word, uint upper_lo, uint upper_hi, UnitScale s) {
  return UnitPair(bytes_to_vec4((word & 0x0f0f0f0fu) | upper_lo) * s.d_lo + s.m_lo,
                  bytes_to_vec4(((word >> 4) & 0x0f0f0f0fu) | upper_hi) * s.d_hi + s.m_hi);
}
#if WEIGHT_TYPE == 4 || WEIGHT_TYPE == 5 || WEIGHT_TYPE == 8
#define UNIT_PAIR(words, base, j, s) nibble_pair(words[base + 8u * j], 0u, 0u, s)
UnitPair unit_pair(const in UnitWords u, uint j, UnitScale s) { return nibble_pair(u.word[j], 0u, 0u, s); }
#elif WEIGHT_TYPE == 6 || WEIGHT_TYPE == 7 || WEIGHT_TYPE == 9
#define UNIT_PAIR(words, base, j, s) \
  nibble_pair(words[base + 8u * j], fifth_bits(words[base + 32u], j), fifth_bits(words[base + 32u], 4u + j), s)
UnitPair unit_pair(const in UnitWords u, uint j, UnitScale s) {
  return nibble_pair(u.word[j], fifth_bits(u.word[4], j), fifth_bits(u.word[4], 4u + j), s);
}
#else
#define UNIT_PAIR(words, base, j, s) \
  nibble_pair(words[base + 8u * j], upper_two_bits(words[base + 32u], j), upper_two_bits(words[base + 40u], j), s)
UnitPair unit_pair(const in UnitWords u, uint j, UnitScale s) {
  return nibble_pair(u.word[j], upper_two_bits(u.word[4], j), upper_two_bits(u.word[5], j), s);
}
#endif
#endif
#endif

// The word of a unit's first quant word; its further words follow at a stride of kRowInterleave.
uint unit_base(uint offset, uint row, uint units, uint unit) {
  return INTERLEAVED(offset, row, units * QUANT_WORDS, unit * QUANT_WORDS);
}
