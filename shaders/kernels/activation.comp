#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/activation.h"
#include "lib/numerics.glsl"

layout(local_size_x = kActivationWorkgroup) in;
layout(push_constant) uniform Push { ActivationPush p; };
layout(binding = 0) readonly buffer Gate { float gate[]; };
layout(binding = 1) readonly buffer Up { float up[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };

float activate(float x) {
  switch (p.kind) {
    case kActivationGelu: return gelu(x);
    case kActivationSquaredRelu: return max(x, 0.0) * max(x, 0.0);
    case kActivationSoftcap: return softcap(x, p.limit);
    case kActivationClamped: return min(x, p.limit) / (1.0 + exp(-1.702 * min(x, p.limit)));
    case kActivationClip: return clamp(x, -p.limit, p.limit);
    case kActivationRange: return clamp(x, p.lowest, p.limit);
    case kActivationSigmoid: return 1.0 / (1.0 + exp(-x));
    case kActivationSoftplus: return max(x, 0.0) + log(1.0 + exp(-abs(x)));
    case kActivationGeluErf: return gelu_erf(x);
    case kActivationGeluQuick: return x / (1.0 + exp(-1.702 * x));
    case kActivationRelu: return max(x, 0.0);
    case kActivationSoftplus2: return max(x, 0.0) + log2(1.0 + exp2(-abs(x)));
    case kActivationLimited: return silu(min(x, p.limit));
    default: return silu(x);
  }
}

void main() {
  const uint col = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y;
  if (col >= p.cols) return;
  const float g = gate[row * p.gate_stride + p.gate_column + col / p.gate_share];
  const float value = activate(g);
  float by = 1.0;
  if (p.gated != 0u) by = up[row * p.up_stride + p.up_column + col];
  if (p.kind == kActivationClamped) by = clamp(by, -p.limit, p.limit) + 1.0;
  if (p.kind == kActivationLimited) by = clamp(by, -p.limit, p.limit);
  y[row * p.y_stride + p.y_column + col] = value * by;
}
