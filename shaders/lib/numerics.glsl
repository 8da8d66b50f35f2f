// Functions whose accuracy the GLSL built-ins do not promise, and activations.
#ifndef PUMICE_LIB_NUMERICS_GLSL
#define PUMICE_LIB_NUMERICS_GLSL

// sin and cos of a full turn's fraction given as a 32-bit fixed-point number (2^32 is one turn). The argument is exact
// however large the position was, which sin() and cos() of a large float are not. Polynomials: Taylor to x^9 and x^8 on
// an eighth of a turn, truncated by less than 3e-8.
vec2 cos_sin_turns(uint turns) {
  const uint octant_half = turns + 0x20000000u;
  const uint quadrant = octant_half >> 30;
  const float x = float(int((octant_half & 0x3fffffffu)) - 0x20000000) * (6.283185307179586 / 4294967296.0);
  const float x2 = x * x;
  const float s = x * (1.0 + x2 * (-1.0 / 6.0 + x2 * (1.0 / 120.0 + x2 * (-1.0 / 5040.0 + x2 * (1.0 / 362880.0)))));
  const float c = 1.0 + x2 * (-0.5 + x2 * (1.0 / 24.0 + x2 * (-1.0 / 720.0 + x2 * (1.0 / 40320.0))));
  const vec2 even = (quadrant & 1u) == 0u ? vec2(c, s) : vec2(-s, c);
  return (quadrant & 2u) == 0u ? even : -even;
}

float silu(float x) { return x / (1.0 + exp(-x)); }
// The tanh approximation; 1 - 2/(e^2z + 1) is tanh(z) without overflow to NaN.
float gelu(float x) {
  const float z = 0.7978845608028654 * (x + 0.044715 * x * x * x);
  return 0.5 * x * (2.0 - 2.0 / (exp(2.0 * z) + 1.0));
}
float softcap(float x, float limit) { return limit * (1.0 - 2.0 / (exp(2.0 * x / limit) + 1.0)); }
#endif
