// The integers of a unit of quantised weights as packed signed bytes, and their dot product with a unit of activations
// (shared/quantize.h). After lib/dequant.glsl, with GL_EXT_integer_dot_product, for WEIGHT_TYPE 3 (Q8_0) and above.
// Where a type has a fixed zero, it is subtracted here; UNIT_HAS_MIN types have a minimum in UnitScale instead.
#define UNIT_HAS_MIN (SCALES == SCALES_AFFINE || SCALES == SCALES_PACKED)

// value 4j+b of the unit is byte b of lo[j], value 16+4j+b byte b of hi[j].
struct UnitBytes {
  uvec4 lo, hi;
};

#if WEIGHT_TYPE == 3
#define UNIT_BYTES(words, quads, base) UnitBytes(UNIT_QUAD(quads, base, 0u), UNIT_QUAD(quads, base, 1u))
#else
// Four bytes below 128 minus a zero of at most 128, without a borrow between them.
uint minus_zero(uint bytes, uint zeros) { return ((bytes | 0x80808080u) - zeros) ^ 0x80808080u; }

// What is multiplied by the scale, as signed bytes.
uint code_bytes(uint codes) {
#if CURVED
  // The last bits of a float near ROUNDING are an integer.
  const uvec4 values = floatBitsToUint(code_values(codes) + ROUNDING);
  return (values.x & 0xffu) | ((values.y & 0xffu) << 8) | ((values.z & 0xffu) << 16) | (values.w << 24);
#else
  return ZERO == 0.0 ? codes : minus_zero(codes, uint(ZERO) * 0x01010101u);
#endif
}
UnitBytes unit_bytes(const in UnitWords u) {
  UnitBytes bytes;
  for (uint j = 0u; j < 4u; ++j) {
#if CODE_BITS < 4
    const uvec2 codes = few_codes(u.quad[0].xyz, j);
#else
    const uvec2 codes = pair_codes(u.quad[0][j], u.rest, j);
#endif
    bytes.lo[j] = code_bytes(codes.x);
    bytes.hi[j] = code_bytes(codes.y);
  }
  return bytes;
}
#define UNIT_BYTES(words, quads, base) unit_bytes(UNIT_WORDS(words, quads, base))
#endif

vec4 unit_scales(UnitScale s) { return vec4(s.d_lo, s.d_hi, s.m_lo, s.m_hi); }

int dot16(ivec4 a, ivec4 b) {
  return dotPacked4x8EXT(a.x, b.x) + dotPacked4x8EXT(a.y, b.y) + dotPacked4x8EXT(a.z, b.z) + dotPacked4x8EXT(a.w, b.w);
}

// Of the weights of a unit (its bytes and unit_scales) and 32 activations x with x_scale = (d, d * sum).
float unit_dot(ivec4 w_lo, ivec4 w_hi, vec4 w_scale, ivec4 x_lo, ivec4 x_hi, vec2 x_scale) {
  const int lo = dot16(w_lo, x_lo), hi = dot16(w_hi, x_hi);
#if SCALES == SCALES_Q2_K
  const ivec4 ones = ivec4(0x01010101);
  const vec2 sums = vec2(dot16(ones, x_lo), dot16(ones, x_hi));
  return x_scale.x * (w_scale.x * float(lo) + w_scale.y * float(hi) + dot(w_scale.zw, sums));
#elif SCALE_WORDS == 5
  return x_scale.x * (w_scale.x * float(lo) + w_scale.y * float(hi));
#elif UNIT_HAS_MIN
  return x_scale.x * w_scale.x * float(lo + hi) + w_scale.z * x_scale.y;
#else
  return x_scale.x * w_scale.x * float(lo + hi);
#endif
}
