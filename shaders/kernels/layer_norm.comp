#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/reduce.glsl"
#include "shared/layer_norm.h"

// A workgroup normalises one row; the variance is taken around the mean, in a second pass, so that it cannot cancel.
layout(push_constant) uniform Push { LayerNormPush p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer Weight { float weight[]; };
layout(binding = 2) readonly buffer Bias { float bias[]; };
layout(binding = 3) writeonly buffer Y { float y[]; };

void main() {
  const uint lane = gl_LocalInvocationID.x;
  const uint from = gl_WorkGroupID.x * p.x_stride, to = gl_WorkGroupID.x * p.y_stride;
  float total = 0.0;
  for (uint k = lane; k < p.cols; k += WG) total += x[from + k];
  const float mean = reduce_add(total) / float(p.cols);
  float squares = 0.0;
  for (uint k = lane; k < p.cols; k += WG) squares += (x[from + k] - mean) * (x[from + k] - mean);
  const float factor = inversesqrt(reduce_add(squares) / float(p.cols) + p.eps);
  for (uint k = lane; k < p.cols; k += WG)
    y[to + k] = (x[from + k] - mean) * factor * weight[k] + (p.has_bias != 0u ? bias[k] : 0.0);
}
