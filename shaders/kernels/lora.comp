#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/lora.h"
#include "shared/step_params.h"

layout(local_size_x = kLoraWorkgroup) in;
layout(push_constant) uniform Push { LoraPush p; };
layout(binding = 0) buffer Products { float products[]; };
layout(binding = 1) readonly buffer Columns { LoraColumn columns[]; };
layout(binding = 2) readonly buffer Scales { float scales[]; };
layout(binding = 3) readonly buffer StepRows { StepRow step_rows[]; };

void main() {
  const uint col = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y;
  if (col >= p.cols) return;
  const LoraColumn column = columns[col];
  const float factor = column.gain * scales[step_rows[p.first_row + row].slot * p.adapters + column.adapter];
  const uint at = row * p.stride + col;
  // Whatever an adapter makes of the rows of a sequence that does without it, infinities too, is not seen.
  products[at] = factor == 0.0 ? 0.0 : factor * products[at];
}
