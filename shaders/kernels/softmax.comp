#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/reduce.glsl"
#include "shared/softmax.h"

// A workgroup takes one row.
layout(push_constant) uniform Push { SoftmaxPush p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) writeonly buffer Y { float y[]; };

void main() {
  const uint lane = gl_LocalInvocationID.x;
  const uint from = gl_WorkGroupID.x * p.x_stride, to = gl_WorkGroupID.x * p.y_stride;
  float highest = -3.402823466e38;
  for (uint k = lane; k < p.valid; k += WG) highest = max(highest, x[from + k] * p.scale);
  highest = reduce_max(highest);
  float total = 0.0;
  for (uint k = lane; k < p.valid; k += WG) total += exp(x[from + k] * p.scale - highest);
  const float factor = 1.0 / reduce_add(total);
  for (uint k = lane; k < p.cols; k += WG)
    y[to + k] = k < p.valid ? exp(x[from + k] * p.scale - highest) * factor : 0.0;
}
