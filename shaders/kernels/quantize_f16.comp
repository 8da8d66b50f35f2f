#version 450
#extension GL_GOOGLE_include_directive : require
#define REDUCE_SHARED 1
#include "lib/reduce.glsl"
#include "shared/quantize.h"

layout(push_constant) uniform Push { QuantizePush p; };
layout(binding = 0) readonly buffer X { vec4 x[]; };
layout(binding = 1) writeonly buffer Words { uvec2 words[]; };
layout(binding = 2) writeonly buffer Scales { float scales[]; };

vec4 input_at(uint row, uint quad) {
  const uint k = 4u * quad;
  vec4 v = vec4(0.0);
  if (k < p.cols) {
    v = x[(row * p.x_stride + k) / 4u];
    for (uint i = 1u; i < 4u; ++i) if (k + i >= p.cols) v[i] = 0.0;
  }
  return v;
}

void main() {
  const uint lane = gl_LocalInvocationID.x, row = gl_WorkGroupID.x, quads = p.units * 8u;
  float top = 0.0;
  for (uint quad = lane; quad < quads; quad += WG) {
    const vec4 size = abs(input_at(row, quad));
    top = max(top, max(max(size.x, size.y), max(size.z, size.w)));
  }
  top = reduce_max(top);
  // 2^e <= top < 2^(e + 1) is multiplied by 2^(exponent - e): biased exponents are e + 127 and exponent - e + 127, of
  // which the factor and its inverse must both be normal. An infinite top stays what it is.
  const uint biased = floatBitsToUint(top) >> 23;
  const uint factor_exponent = biased == 255u ? 127u : clamp(254u + p.exponent - biased, 1u, 253u);
  const float factor = uintBitsToFloat(factor_exponent << 23);
  for (uint quad = lane; quad < quads; quad += WG) {
    const vec4 v = input_at(row, quad) * factor;
    words[row * quads + quad] = uvec2(packHalf2x16(v.xy), packHalf2x16(v.zw));
  }
  if (lane == 0u) scales[row] = uintBitsToFloat((254u - factor_exponent) << 23);
}
