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

shared float values[WG];
shared uint indices[WG];
shared uint arrivals;

// After it, lane 0 has the best of all lanes: the highest value, the lowest index among equals.
void best_of_lanes(inout float value, inout uint index) {
  const uint lane = gl_LocalInvocationID.x;
  values[lane] = value;
  indices[lane] = index;
  sync();
  if (lane == 0u) {
    for (uint i = 1u; i < WG; ++i) {
      if (values[i] > value || (values[i] == value && indices[i] < index)) {
        value = values[i];
        index = indices[i];
      }
    }
  }
}

void main() {
  const uint lane = gl_LocalInvocationID.x, row = gl_WorkGroupID.y;
  const uint first = gl_WorkGroupID.x * p.cols_per_group, end = min(first + p.cols_per_group, p.cols);
  float value = uintBitsToFloat(0xff800000u);  // -infinity
  uint index = kTokenNotFinite;
  for (uint k = first + lane; k < end; k += WG) {
    const float here = nan_as_infinity(logits[row * p.logits_stride + k]);
    if (here > value) {
      value = here;
      index = k;
    }
  }
  best_of_lanes(value, index);
  if (lane == 0u) {
    finds[row * gl_NumWorkGroups.x + gl_WorkGroupID.x] = uvec2(floatBitsToUint(value), index);
    memoryBarrierBuffer();
    arrivals = atomicAdd(counters[row], 1u);
  }
  sync();
  if (arrivals != gl_NumWorkGroups.x - 1u) return;
  memoryBarrierBuffer();
  if (lane != 0u) return;
  for (uint i = 0u; i < gl_NumWorkGroups.x; ++i) {
    const float found = uintBitsToFloat(finds[row * gl_NumWorkGroups.x + i].x);
    const uint at = finds[row * gl_NumWorkGroups.x + i].y;
    if (found > value || (found == value && at < index)) {
      value = found;
      index = at;
    }
  }
  counters[row] = 0u;
  commit_token(p.commit, row, is_finite(value) ? index : kTokenNotFinite);
}
