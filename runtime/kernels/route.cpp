#include "kernels/route.h"

namespace pumice {

void route(Recorder recorder, const RouteArgs& args) {
  const RoutePush push{.experts = args.experts,
                       .used = args.used,
                       .logits_stride = args.logits.stride,
                       .gating = static_cast<uint32_t>(args.gating),
                       .biased = args.bias ? 1u : 0u,
                       .normalised = args.normalised ? 1u : 0u,
                       .scaled = args.scales ? 1u : 0u,
                       .groups = args.groups,
                       .groups_used = args.groups_used,
                       .scale = args.scale};
  const vk::BufferView bindings[kRouteBindings] = {
      args.logits.view, args.bias ? vk::BufferView(*args.bias) : args.logits.view, args.choices,
      args.scales ? vk::BufferView(*args.scales) : args.logits.view};
  const ReduceChoice reduce = choose_reduce(recorder.kernels.caps());
  record(recorder, {.shader = {ShaderKernel::kRoute, reduce.form},
                    .constants = {&reduce.workgroup, 1},
                    .full_subgroups = reduce.full_subgroups,
                    .subgroup_size = reduce.subgroup_size,
                    .push = push_bytes(push),
                    .bindings = bindings,
                    .groups = {args.n, 1, 1},
                    .cost = {.bytes = 4.0 * args.n * args.experts}});
}

}  // namespace pumice
