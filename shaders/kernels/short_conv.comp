#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/numerics.glsl"
#include "shared/short_conv.h"
#include "shared/step_params.h"

layout(local_size_x = kShortConvWorkgroup) in;
layout(push_constant) uniform Push { ShortConvPush p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer Weight { vec4 weight[]; };
layout(binding = 2) readonly buffer Bias { float bias[]; };
layout(binding = 3) readonly buffer StepRows { StepRow step_rows[]; };
layout(binding = 4) buffer States { float states[]; };
layout(binding = 5) writeonly buffer Y { float y[]; };

void keep(uint place, uint col, vec3 last) {
  const uint to = place * p.state_stride + col;
  states[to] = last.x;
  states[to + p.cols] = last.y;
  states[to + 2u * p.cols] = last.z;
}

void main() {
  const uint col = gl_GlobalInvocationID.x, first = gl_GlobalInvocationID.y;
  if (col >= p.cols) return;
  const uint rows = p.one_sequence != 0u ? p.n : 1u;
  const StepRow sequence = step_rows[first];
  const uint from = sequence.slot * p.state_stride + col;
  vec3 last = vec3(0.0);
  if (sequence.position != 0u) last = vec3(states[from], states[from + p.cols], states[from + 2u * p.cols]);
  const vec4 w = weight[col];
  for (uint row = first; row < first + rows; ++row) {
    const uint at = row * p.x_stride + p.x_first + col;
    float u = x[at], by = 1.0;
    if (p.gated != 0u) {
      u *= x[at + 2u * p.cols];
      by = x[at + p.cols];
    }
    const float sum = bias[col] + w.x * last.x + w.y * last.y + w.z * last.z + w.w * u;
    last = vec3(last.yz, u);
    y[row * p.y_stride + col] = (p.activated != 0u ? silu(sum) : sum) * by;
    for (uint i = 0u; i < kMostSnapshots; ++i)
      if (row == p.snapshot_after[i]) keep(p.snapshot[i], col, last);
  }
  if (sequence.live != 0u) keep(sequence.slot, col, last);
}
