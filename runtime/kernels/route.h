// route: the experts that each row of a mixture takes, from the router's logits (shaders/shared/route.h).
#pragma once

#include "kernels/kernels.h"
#include "shared/route.h"

namespace pumice {

enum class Gating : uint32_t { kSoftmax = kRouteSoftmax, kSigmoid = kRouteSigmoid, kSelected = kRouteSelected };

struct RouteArgs {
  FloatRows logits;                    // (n, experts)
  const vk::Buffer* bias = nullptr;    // (experts), of the selection alone
  const vk::Buffer* scales = nullptr;  // (experts), of the weights
  vk::BufferView choices;              // (n, used): words of the expert and of its weight's bits
  uint32_t n = 1, experts = 1, used = 1;
  Gating gating = Gating::kSoftmax;
  bool normalised = false;
  float scale = 1;
  uint32_t groups = 1, groups_used = 1;  // groups of experts, and those that a row chooses from
};
// experts <= kRouteMostExperts, used <= kRouteMostUsed, groups <= kRouteMostGroups; a group has two or more.
void route(Recorder recorder, const RouteArgs& args);

inline uint64_t route_choice_bytes(uint32_t n, uint32_t used) { return uint64_t{8} * n * used; }

}  // namespace pumice
