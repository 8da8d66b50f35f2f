#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/ssru.h"
#include "shared/step_params.h"

layout(local_size_x = kSsruWorkgroup) in;
layout(push_constant) uniform Push { SsruPush p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer StepRows { StepRow step_rows[]; };
layout(binding = 2) readonly buffer Parents { uint parents[]; };
layout(binding = 3) buffer States { float states[]; };
layout(binding = 4) buffer Y { float y[]; };

void main() {
  const uint col = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y;
  if (col >= p.cols) return;
  const uint at = row * p.x_stride + col;
  const float forget = 1.0 / (1.0 + exp(-x[at + p.cols]));
  float state = 0.0;
  if (step_rows[row].position != 0u) state = states[(p.from + parents[row]) * p.state_stride + col];
  state = forget * state + (1.0 - forget) * x[at];
  states[(p.to + row) * p.state_stride + col] = state;
  y[row * p.y_stride + col] += max(state, 0.0);
}
