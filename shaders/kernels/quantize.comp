#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/quantize.h"

// 8 lanes a unit, a vec4 each.
layout(local_size_x = kQuantizeWorkgroup) in;
layout(push_constant) uniform Push { QuantizePush p; };
layout(binding = 0) readonly buffer X { vec4 x[]; };
layout(binding = 1) writeonly buffer Words { uint words[]; };
layout(binding = 2) writeonly buffer Scales { vec2 scales[]; };

shared float highest[kQuantizeWorkgroup];
shared int sums[kQuantizeWorkgroup];

void main() {
  const uint lane = gl_LocalInvocationID.x, row = gl_WorkGroupID.y;
  const uint unit = gl_WorkGroupID.x * (kQuantizeWorkgroup / 8u) + lane / 8u;
  const uint k = unit * 32u + lane % 8u * 4u;
  vec4 v = vec4(0.0);
  if (k < p.cols) {
    v = x[(row * p.x_stride + k) / 4u];
    for (uint i = 1u; i < 4u; ++i) if (k + i >= p.cols) v[i] = 0.0;
  }
  const vec4 size = abs(v);
  highest[lane] = max(max(size.x, size.y), max(size.z, size.w));
  barrier();
  float top = 0.0;
  for (uint i = 0u; i < 8u; ++i) top = max(top, highest[(lane & ~7u) + i]);
  const float d = top / 127.0;
  const float inverse = top > uintBitsToFloat(kQuantizeSmallest) ? 127.0 / top : 0.0;
  const ivec4 q = ivec4(roundEven(v * inverse));
  sums[lane] = q.x + q.y + q.z + q.w;
  barrier();
  if (unit >= p.units) return;
  const ivec4 bytes = q & 0xff;
  words[(row * p.units + unit) * 8u + lane % 8u] = uint(bytes.x | bytes.y << 8 | bytes.z << 16 | bytes.w << 24);
  if (lane % 8u != 0u) return;
  int sum = 0;
  for (uint i = 0u; i < 8u; ++i) sum += sums[lane + i];
  scales[row * p.units + unit] = vec2(d, d * float(sum));
}
