#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/reduce.glsl"
#include "shared/rms_norm.h"

// A workgroup normalises one row.
layout(push_constant) uniform Push { RmsNormPush p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer Weight { float weight[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };

void main() {
  const uint lane = gl_LocalInvocationID.x;
  const uint from = gl_WorkGroupID.x * p.x_stride, to = gl_WorkGroupID.x * p.y_stride;
  float squares = 0.0;
  for (uint k = lane; k < p.cols; k += WG) squares += x[from + k] * x[from + k];
  const float factor = inversesqrt(reduce_add(squares) / float(p.cols) + p.eps);
  for (uint k = lane; k < p.cols; k += WG) y[to + k] = x[from + k] * factor * weight[k];
}
