// Half a unit of weights h (its pairs 2 h and 2 h + 1) as it is stored, to be loaded long before it is decoded. After
// lib/dequant.glsl, for all types but f32.
#if WEIGHT_TYPE <= 2
#define HALF_QUADS 2
#define HALF_QUANTS(words, quads, base, h) \
  uvec4[2](UNIT_QUAD(quads, base, h), UNIT_QUAD(quads, base, (h + 2u)))
#else
#define HALF_QUADS 1
#define TWO_WORDS(words, at) words[at], words[at + 1u]
#if WEIGHT_TYPE == 3
#define HALF_REST(words, base, h) TWO_WORDS(words, base.x + QUAD_STRIDE + 2u * h)
#elif WEIGHT_TYPE == 10
#define HALF_REST(words, base, h) TWO_WORDS(words, base.y)
#elif WEIGHT_TYPE == 6 || WEIGHT_TYPE == 7 || WEIGHT_TYPE == 9
#define HALF_REST(words, base, h) words[base.y], 0u
#else
#define HALF_REST(words, base, h) 0u, 0u
#endif
#define HALF_QUANTS(words, quads, base, h) \
  uvec4[1](uvec4(TWO_WORDS(words, base.x + 2u * h), HALF_REST(words, base, h)))
#endif

struct HalfUnit {
  uvec4 quants[HALF_QUADS];
  uvec4 scale;  // for unit_scale()
};

// Pair 2 h + i.
UnitPair half_unit_pair(HalfUnit u, uint h, uint i, UnitScale s) {
#if WEIGHT_TYPE <= 2
  return UnitPair(unpack_four(u.quants[0][2u * i], u.quants[0][2u * i + 1u]),
                  unpack_four(u.quants[1][2u * i], u.quants[1][2u * i + 1u]));
#else
  const uint word = u.quants[0][i];
#if WEIGHT_TYPE == 3
  return UnitPair(signed_bytes_to_vec4(word) * s.d_lo, signed_bytes_to_vec4(u.quants[0][2u + i]) * s.d_hi);
#elif WEIGHT_TYPE == 10
  return nibble_pair(word, upper_two_bits(u.quants[0].z, 2u * h + i), upper_two_bits(u.quants[0].w, 2u * h + i), s);
#elif WEIGHT_TYPE == 6 || WEIGHT_TYPE == 7 || WEIGHT_TYPE == 9
  return nibble_pair(word, fifth_bits(u.quants[0].z, 2u * h + i), fifth_bits(u.quants[0].z, 4u + 2u * h + i), s);
#else
  return nibble_pair(word, 0u, 0u, s);
#endif
#endif
}
