#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/combine.h"

layout(local_size_x = kCombineWorkgroup) in;
layout(push_constant) uniform Push { CombinePush p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer Choices { uvec2 choices[]; };
layout(binding = 2) buffer Y { float y[]; };

void main() {
  const uint col = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y;
  if (col >= p.cols) return;
  float sum = 0.0;
  for (uint i = row * p.used; i < (row + 1u) * p.used; ++i)
    sum = fma(uintBitsToFloat(choices[i].y), x[i * p.x_stride + col], sum);
  const uint to = row * p.y_stride + col;
  y[to] = p.accumulate != 0u ? y[to] + p.factor * sum : p.factor * sum;
}
