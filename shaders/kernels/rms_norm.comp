#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/reduce.glsl"
#include "shared/rms_norm.h"

// A workgroup normalises one segment of a row.
layout(push_constant) uniform Push { RmsNormPush p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer Weight { float weight[]; };
layout(binding = 2) buffer Y { float y[]; };
layout(binding = 3) readonly buffer Bias { float bias[]; };

void main() {
  const uint lane = gl_LocalInvocationID.x;
  const uint column = p.first_column + gl_WorkGroupID.y * p.cols;
  const uint from = gl_WorkGroupID.x * p.x_stride + column, to = gl_WorkGroupID.x * p.y_stride + column;
  float mean = 0.0, squares = 0.0;
  if (p.centred != 0u) {
    for (uint k = lane; k < p.cols; k += WG) mean += x[from + k];
    mean = reduce_add(mean) / float(p.cols);
  }
  for (uint k = lane; k < p.cols; k += WG) squares += (x[from + k] - mean) * (x[from + k] - mean);
  const float factor = inversesqrt(reduce_add(squares) / float(p.cols) + p.eps);
  for (uint k = lane; k < p.cols; k += WG) {
    float value = (x[from + k] - mean) * factor * weight[gl_WorkGroupID.y * p.weight_stride + k];
    if (p.biased != 0u) value += bias[k];
    y[to + k] = p.factor * (p.accumulate != 0u ? y[to + k] + value : value);
  }
}
