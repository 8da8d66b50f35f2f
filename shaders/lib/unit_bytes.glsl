// The integers of a unit of quantised weights as packed signed bytes, and their dot product with a unit of activations
// (shared/quantize.h). After lib/dequant.glsl, with GL_EXT_integer_dot_product, for WEIGHT_TYPE 3 (Q8_0) and above.
// Where a type has a fixed zero, it is subtracted here; UNIT_HAS_MIN types have a minimum in UnitScale instead.
#define UNIT_HAS_MIN (WEIGHT_TYPE == 5 || WEIGHT_TYPE == 7 || WEIGHT_TYPE == 8 || WEIGHT_TYPE == 9)

// value 4j+b of the unit is byte b of lo[j], value 16+4j+b byte b of hi[j].
struct UnitBytes {
  uvec4 lo, hi;
};

// Four bytes below 128 minus a zero of at most 128, without a borrow between them.
uint minus_zero(uint bytes, uint zeros) { return ((bytes | 0x80808080u) - zeros) ^ 0x80808080u; }

#if WEIGHT_TYPE == 3
#define UNIT_BYTES(words, quads, base) UnitBytes(UNIT_QUAD(quads, base, 0u), UNIT_QUAD(quads, base, 1u))
#else
UnitBytes nibble_bytes(uvec4 q, uint upper_lo, uint upper_hi) {
  UnitBytes bytes = UnitBytes(q & 0x0f0f0f0fu, (q >> 4) & 0x0f0f0f0fu);
  for (uint j = 0u; j < 4u; ++j) {
#if WEIGHT_TYPE == 6 || WEIGHT_TYPE == 7 || WEIGHT_TYPE == 9
    bytes.lo[j] |= fifth_bits(upper_lo, j);
    bytes.hi[j] |= fifth_bits(upper_hi, 4u + j);
#elif WEIGHT_TYPE == 10
    bytes.lo[j] |= upper_two_bits(upper_lo, j);
    bytes.hi[j] |= upper_two_bits(upper_hi, j);
#endif
#if WEIGHT_TYPE == 4 || WEIGHT_TYPE == 6 || WEIGHT_TYPE == 10
    const uint zeros = WEIGHT_TYPE == 4 ? 0x08080808u : (WEIGHT_TYPE == 6 ? 0x10101010u : 0x20202020u);
    bytes.lo[j] = minus_zero(bytes.lo[j], zeros);
    bytes.hi[j] = minus_zero(bytes.hi[j], zeros);
#endif
  }
  return bytes;
}
#if WEIGHT_TYPE == 6 || WEIGHT_TYPE == 7 || WEIGHT_TYPE == 9
#define UNIT_BYTES(words, quads, base) nibble_bytes(UNIT_QUAD(quads, base, 0u), words[base.y], words[base.y])
#elif WEIGHT_TYPE == 10
#define UNIT_BYTES(words, quads, base) nibble_bytes(UNIT_QUAD(quads, base, 0u), words[base.y], words[base.y + 1u])
#else
#define UNIT_BYTES(words, quads, base) nibble_bytes(UNIT_QUAD(quads, base, 0u), 0u, 0u)
#endif
#endif

vec4 unit_scales(UnitScale s) { return vec4(s.d_lo, s.d_hi, s.m_lo, s.m_hi); }

int dot16(ivec4 a, ivec4 b) {
  return dotPacked4x8EXT(a.x, b.x) + dotPacked4x8EXT(a.y, b.y) + dotPacked4x8EXT(a.z, b.z) + dotPacked4x8EXT(a.w, b.w);
}

// Of the weights of a unit (its bytes and unit_scales) and 32 activations x with x_scale = (d, d * sum).
float unit_dot(ivec4 w_lo, ivec4 w_hi, vec4 w_scale, ivec4 x_lo, ivec4 x_hi, vec2 x_scale) {
  const int lo = dot16(w_lo, x_lo), hi = dot16(w_hi, x_hi);
#if WEIGHT_TYPE == 10
  return x_scale.x * (w_scale.x * float(lo) + w_scale.y * float(hi));
#elif UNIT_HAS_MIN
  return x_scale.x * w_scale.x * float(lo + hi) + w_scale.z * x_scale.y;
#else
  return x_scale.x * w_scale.x * float(lo + hi);
#endif
}
