// Half a unit of weights h (its pairs 2 h and 2 h + 1) as it is stored, to be loaded long before it is decoded. After
// lib/dequant.glsl, for all types but f32.
#if WEIGHT_TYPE <= 2
#define HALF_QUADS 2
#define HALF_QUANTS(words, quads, base, h) \
  uvec4[2](UNIT_QUAD(quads, base, h), UNIT_QUAD(quads, base, (h + 2u)))
#elif CODE_BITS != 0 && CODE_BITS < 4
#define HALF_QUADS 1
#define HALF_QUANTS(words, quads, base, h) uvec4[1](uvec4(FEW_WORDS(words, base), 0u))
#else
#define HALF_QUADS 1
#define TWO_WORDS(words, at) words[at], words[at + 1u]
#if WEIGHT_TYPE == 3
#define HALF_REST(words, base, h) TWO_WORDS(words, base.x + QUAD_STRIDE + 2u * h)
#else
#define HALF_REST(words, base, h) REST_WORDS(words, base)
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
#elif WEIGHT_TYPE == 3
  return UnitPair(signed_bytes_to_vec4(u.quants[0][i]) * s.d_lo, signed_bytes_to_vec4(u.quants[0][2u + i]) * s.d_hi);
#elif CODE_BITS < 4
  return code_pair(few_codes(u.quants[0].xyz, 2u * h + i), s);
#else
  return code_pair(pair_codes(u.quants[0][i], u.quants[0].zw, 2u * h + i), s);
#endif
}
