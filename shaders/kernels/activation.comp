#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/activation.h"
#include "lib/numerics.glsl"

layout(local_size_x = kActivationWorkgroup) in;
layout(push_constant) uniform Push { ActivationPush p; };
layout(binding = 0) readonly buffer Gate { float gate[]; };
layout(binding = 1) readonly buffer Up { float up[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };

void main() {
  const uint col = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y;
  if (col >= p.cols) return;
  const float g = gate[row * p.gate_stride + col];
  const float value = p.gelu != 0u ? gelu(g) : silu(g);
  y[row * p.y_stride + col] = p.gated != 0u ? value * up[row * p.up_stride + col] : value;
}
