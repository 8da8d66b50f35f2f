#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/reduce.glsl"
#include "shared/route.h"

// A workgroup takes one row.
layout(push_constant) uniform Push { RoutePush p; };
layout(binding = 0) readonly buffer Logits { float logits[]; };
layout(binding = 1) readonly buffer Bias { float bias[]; };
layout(binding = 2) writeonly buffer Choices { uvec2 choices[]; };
layout(binding = 3) readonly buffer Scales { float scales[]; };

const float LOWEST = -3.402823466e38;

shared float ranks[kRouteMostExperts];  // by which experts are selected
// In registers it would be in scratch memory, as it is indexed by what compilers do not know.
shared uint selected[kRouteMostUsed];

float gated(float logit, float highest, float total) {
  if (p.gating == kRouteSoftmax) return exp(logit - highest) / total;
  if (p.gating == kRouteSigmoid) return 1.0 / (1.0 + exp(-logit));
  return logit;
}

float weight_of(float logit, float highest, float total) {
  return p.gating == kRouteSelected ? exp(logit - highest) : gated(logit, highest, total);
}

shared float group_ranks[kRouteMostGroups];

void keep_best_groups(uint lane) {
  const uint size = p.experts / p.groups;
  sync();
  for (uint g = lane; g < p.groups; g += WG) {
    float best = LOWEST, second = LOWEST;
    for (uint e = g * size; e < (g + 1u) * size; ++e) {
      second = max(second, min(best, ranks[e]));
      best = max(best, ranks[e]);
    }
    group_ranks[g] = best + second;
  }
  sync();
  for (uint e = lane; e < p.experts; e += WG) {
    const uint g = e / size;
    uint better = 0u;
    for (uint other = 0u; other < p.groups; ++other)
      if (group_ranks[other] > group_ranks[g] || (other < g && group_ranks[other] == group_ranks[g])) ++better;
    if (better >= p.groups_used) ranks[e] = LOWEST;
  }
}

void main() {
  const uint lane = gl_LocalInvocationID.x, from = gl_WorkGroupID.x * p.logits_stride;
  float highest = LOWEST, total = 0.0;
  for (uint e = lane; e < p.experts; e += WG) highest = max(highest, logits[from + e]);
  highest = reduce_max(highest);
  for (uint e = lane; e < p.experts; e += WG) total += exp(logits[from + e] - highest);
  total = reduce_add(total);
  for (uint e = lane; e < p.experts; e += WG)
    ranks[e] = gated(logits[from + e], highest, total) + (p.biased != 0u ? bias[e] : 0.0);
  if (p.groups > 1u) keep_best_groups(lane);

  for (uint j = 0u; j < p.used; ++j) {
    sync();
    float best = LOWEST;
    uint index = p.experts;
    for (uint e = lane; e < p.experts; e += WG)
      if (ranks[e] > best) best = ranks[e], index = e;
    reduce_highest(best, index);
    index = min(index, p.experts - 1u);  // logits that are no numbers have no highest
    sync();
    if (lane == 0u) ranks[index] = LOWEST, selected[j] = index;
  }
  sync();

  float sum = 0.0;
  for (uint j = lane; j < p.used; j += WG) sum += weight_of(logits[from + selected[j]], highest, total);
  sum = reduce_add(sum);
  const bool divided = p.normalised != 0u || p.gating == kRouteSelected;
  const float factor = p.scale / (divided ? max(sum, uintBitsToFloat(kRouteLeastSum)) : 1.0);
  for (uint j = lane; j < p.used; j += WG) {
    const float own = p.scaled != 0u ? scales[selected[j]] : 1.0;
    const float weight = weight_of(logits[from + selected[j]], highest, total) * factor * own;
    choices[gl_WorkGroupID.x * p.used + j] = uvec2(selected[j], floatBitsToUint(weight));
  }
}
