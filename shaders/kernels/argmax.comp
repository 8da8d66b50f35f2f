#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/reduce.glsl"
#include "shared/argmax.h"
#include "shared/step_params.h"

layout(push_constant) uniform Push { ArgmaxPush p; };
layout(binding = 0) readonly buffer Logits { float logits[]; };
layout(binding = 1) coherent buffer Finds { uvec2 finds[]; };  // (rows, workgroups): bits of the value, index
layout(binding = 2) coherent buffer Counters { uint counters[]; };  // (rows)
layout(binding = 3) readonly buffer Rows { StepRow step_rows[]; };
layout(binding = 4) buffer NextRows { StepRow next_rows[]; };
layout(binding = 5) writeonly buffer TokenLog { uint token_log[]; };
layout(binding = 6) buffer AttentionArguments { uint attention_arguments[3]; };
layout(binding = 7) readonly buffer Samplers { SamplerParams samplers[]; };
#include "lib/commit.glsl"

shared uint arrivals;

void main() {
  const uint lane = gl_LocalInvocationID.x, row = gl_WorkGroupID.y;
  const uint first = gl_WorkGroupID.x * p.cols_per_group, end = min(first + p.cols_per_group, p.cols);
  float value = minus_infinity();
  uint index = 0u;
  for (uint k = first + lane; k < end; k += WG) {
    const float here = nan_as_infinity(logits[row * p.logits_stride + k]);
    if (here > value) {
      value = here;
      index = k;
    }
  }
  reduce_highest(value, index);
  if (lane == 0u) {
    finds[row * gl_NumWorkGroups.x + gl_WorkGroupID.x] = uvec2(floatBitsToUint(value), index);
    memoryBarrierBuffer();
    arrivals = atomicAdd(counters[row], 1u);
  }
  sync();
  if (arrivals != gl_NumWorkGroups.x - 1u) return;
  memoryBarrierBuffer();
  // Later workgroups have higher indices, so that the first of a lane's finds is the lowest.
  value = minus_infinity();
  for (uint i = lane; i < gl_NumWorkGroups.x; i += WG) {
    const uvec2 find = finds[row * gl_NumWorkGroups.x + i];
    if (uintBitsToFloat(find.x) > value) {
      value = uintBitsToFloat(find.x);
      index = find.y;
    }
  }
  reduce_highest(value, index);
  if (lane != 0u) return;
  counters[row] = 0u;
  commit_token(p.commit, row, is_finite(value) ? index : kTokenNotFinite);
}
