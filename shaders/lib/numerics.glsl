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
// The tanh approximation: 0.5 (1 + tanh(z)) is 1 / (1 + e^-2z).
float gelu(float x) {
  const float z = 0.7978845608028654 * (x + 0.044715 * x * x * x);
  return x / (1.0 + exp(-2.0 * z));
}
// 0.5 x (1 + erf(x / sqrt(2))), by erfc(z) = t e^(-z^2 + polynomial(t)), t = 1 / (1 + z / 2): a fit of degree 9, whose
// relative error is below 1e-7 for z up to 20. So the far negative side keeps its digits, too.
float gelu_erf(float x) {
  const float z = abs(x) * 0.7071067811865476, t = 1.0 / (1.0 + 0.5 * z);
  float sum = 0.177385514;
  sum = fma(sum, t, -0.853225088);
  sum = fma(sum, t, 1.5509674);
  sum = fma(sum, t, -1.20387424);
  sum = fma(sum, t, 0.323745746);
  sum = fma(sum, t, -0.203998648);
  sum = fma(sum, t, 0.100874129);
  sum = fma(sum, t, 0.373587322);
  sum = fma(sum, t, 1.00005045);
  sum = fma(sum, t, -1.26551251);
  const float tail = 0.5 * t * exp(fma(-z, z, sum));
  return x < 0.0 ? x * tail : x - x * tail;
}

// limit * tanh(x / limit). 1 - 2/(e^2t + 1) loses the digits of a small t, a limit of 50 multiplies what is lost: a
// polynomial there. Source: S. Moshier, Cephes (1989), tanhf.
float softcap(float x, float limit) {
  const float t = x / limit, t2 = t * t;
  const float p = -3.33332819422e-1 + t2 * (1.33314422036e-1 + t2 * (-5.37397155531e-2 +
                                                                     t2 * (2.06390887954e-2 - t2 * 5.70498872745e-3)));
  return abs(t) < 0.625 ? x + x * t2 * p : limit * (1.0 - 2.0 / (exp(2.0 * t) + 1.0));
}
#endif
