// Weights in the form that lets a kernel multiply by the scale once a unit: value = d * q + m, with q from unit_quants
// and (d, m) from quant_scale. q is the weight itself (F32, F16, BF16), the signed byte (Q8_0), the integer of a code
// where these are CURVED, or, for other codes, 1 + code / 2^QUANT_BITS: bits that are moved into a float's mantissa
// need no conversion. Include after dequant.glsl.

#define FOR(i, count) [[unroll]] for (uint i = 0u; i < count; ++i)
#define HAS_OFFSET (CODE_BITS != 0 && CURVED == 0)
#define HAS_QUADS (CODE_BITS == 0 || CODE_BITS >= 4)

// A unit's quads are loaded by two words, in 4 / STEP_PAIRS steps of STEP_WORDS words: from word step_word(step, i) on
// the i-th two. Pair j is one of step j / STEP_PAIRS and needs PAIR_WORDS words: QUAD_WORDS words
// pair_word(j % STEP_PAIRS, i) of that step, and those after the quads.
#if WEIGHT_TYPE == 0
#define STEP_PAIRS 1u
#define STEP_WORDS 8u
#define QUAD_WORDS 8u
uint step_word(uint step, uint i) { return 4u * step + i % 2u * 2u + i / 2u * 16u; }
uint pair_word(uint pair, uint i) { return i; }
#elif WEIGHT_TYPE <= 2
#define STEP_PAIRS 1u
#define STEP_WORDS 4u
#define QUAD_WORDS 4u
uint step_word(uint step, uint i) { return 2u * step + 8u * i; }
uint pair_word(uint pair, uint i) { return i; }
#elif WEIGHT_TYPE == 3
#define STEP_PAIRS 2u
#define STEP_WORDS 4u
#define QUAD_WORDS 2u
uint step_word(uint step, uint i) { return 2u * step + 4u * i; }
uint pair_word(uint pair, uint i) { return pair + 2u * i; }
#elif CODE_BITS >= 4
#define STEP_PAIRS 2u
#define STEP_WORDS 2u
#define QUAD_WORDS 1u
uint step_word(uint step, uint i) { return 2u * step; }
uint pair_word(uint pair, uint i) { return pair; }
#else
#define STEP_PAIRS 4u  // no quads
#define QUAD_WORDS 0u
#endif
#define PAIR_WORDS (QUAD_WORDS + QUANT_WORDS % 4u)

#if WEIGHT_TYPE == 0
UnitPair unit_quants(uint words[PAIR_WORDS], uint j) {
  return UnitPair(uintBitsToFloat(uvec4(words[0], words[1], words[2], words[3])),
                  uintBitsToFloat(uvec4(words[4], words[5], words[6], words[7])));
}
#elif WEIGHT_TYPE == 1
UnitPair unit_quants(uint words[PAIR_WORDS], uint j) {
  return UnitPair(vec4(unpackHalf2x16(words[0]), unpackHalf2x16(words[1])),
                  vec4(unpackHalf2x16(words[2]), unpackHalf2x16(words[3])));
}
#elif WEIGHT_TYPE == 2
UnitPair unit_quants(uint words[PAIR_WORDS], uint j) {
  return UnitPair(vec4(unpack_two(words[0]), unpack_two(words[1])),
                  vec4(unpack_two(words[2]), unpack_two(words[3])));
}
#elif WEIGHT_TYPE == 3
UnitPair unit_quants(uint words[PAIR_WORDS], uint j) {
  return UnitPair(signed_bytes_to_vec4(words[0]), signed_bytes_to_vec4(words[1]));
}
#else
const int QUANT_BITS = CODE_BITS;

uint shifted(uint word, int left) { return left < 0 ? word >> -left : word << left; }
// The low (high) nibbles of `word` with the bits of `upper` above them, each in its byte, other values' bits above
// those.
uint with_upper(uint nibbles, uint upper, int left) {
  return (nibbles & 0x0f0f0f0fu) | (shifted(upper, left) & 0xf0f0f0f0u);
}
// The quants that begin at bit `first` of each byte, at the top of the mantissa of a float from 1 to 2.
vec4 mantissas(uint bytes, int first) {
  const int to = 23 - QUANT_BITS;
  uvec4 bits;
  [[unroll]] for (int i = 0; i < 4; ++i)
    bits[i] = shifted(bytes, to - 8 * i - first) & (((1u << QUANT_BITS) - 1u) << to);
  return uintBitsToFloat(bits | 0x3f800000u);
}
UnitPair mantissa_pair(uint words[PAIR_WORDS], int j) {
#if CODE_BITS == 1
  return UnitPair(mantissas(words[0], j), mantissas(words[0], 4 + j));
#elif CODE_BITS == 2
  return UnitPair(mantissas(words[0], 2 * j), mantissas(words[1], 2 * j));
#elif CODE_BITS == 3
  const uvec2 codes = few_codes(uvec3(words[0], words[1], words[2]), uint(j));
  return UnitPair(mantissas(codes.x, 0), mantissas(codes.y, 0));
#elif CODE_BITS == 4
  return UnitPair(mantissas(words[0], 0), mantissas(words[0], 4));
#elif CODE_BITS == 5
  return UnitPair(mantissas(with_upper(words[0], words[1], 4 - j), 0),
                  mantissas(with_upper(words[0] >> 4, words[1], -j), 0));
#else
  return UnitPair(mantissas(with_upper(words[0], words[1], 4 - 2 * j), 0),
                  mantissas(with_upper(words[0] >> 4, words[2], 4 - 2 * j), 0));
#endif
}
UnitPair unit_quants(uint words[PAIR_WORDS], uint j) {
  UnitPair pair = mantissa_pair(words, int(j));
#if CURVED
  pair.lo = curved(pair.lo);
  pair.hi = curved(pair.hi);
#endif
  return pair;
}
#endif

// Of all words of a unit those that pair j needs.
uint[PAIR_WORDS] pair_words(uint words[QUANT_WORDS], uint j) {
  uint used[PAIR_WORDS];
#if HAS_QUADS
  const uint count = max(QUAD_WORDS / 2u, 1u);
  [[unroll]] for (uint i = 0u; i < QUAD_WORDS; ++i) used[i] = words[count * j + i % count + i / count * 4u * count];
#endif
  [[unroll]] for (uint i = 0u; i < QUANT_WORDS % 4u; ++i) used[QUAD_WORDS + i] = words[QUANT_WORDS / 4u * 4u + i];
  return used;
}

#if SCALE_WORDS
// (d, m) of unit `unit` of those that share the scale words.
UnitScale quant_scale(uint words[SCALE_WORDS], uint unit) {
#if SCALE_WORDS == 1
  UnitScale s = unit_scale(uvec4(words[0], 0u, 0u, 0u), unit);
#elif SCALE_WORDS == 2
  UnitScale s = unit_scale(uvec4(words[0], words[1], 0u, 0u), unit);
#elif SCALE_WORDS == 4
  UnitScale s = unit_scale(uvec4(words[0], words[1], words[2], words[3]), unit);
#else
  const uint word = unit < 4u ? (unit < 2u ? words[0] : words[1]) : (unit < 6u ? words[2] : words[3]);
  UnitScale s = unit_scale(uvec4(word, words[4], 0u, 0u), unit);
#endif
#if HAS_OFFSET
  const float steps = float(1 << QUANT_BITS);
  s.d_lo *= steps;
  s.d_hi *= steps;
  s.m_lo -= s.d_lo;
  s.m_hi -= s.d_hi;
#endif
  return s;
}
#endif
