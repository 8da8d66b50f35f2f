#include "kernels/layer_norm.h"

#include "shared/layer_norm.h"

namespace pumice {

void layer_norm(Recorder recorder, const LayerNormArgs& args) {
  const LayerNormPush push{.cols = args.cols,
                           .x_stride = args.x.stride,
                           .y_stride = args.y.stride,
                           .has_bias = args.bias ? 1u : 0u,
                           .eps = args.eps};
  const vk::BufferView bindings[kLayerNormBindings] = {args.x.view, args.weight, args.bias ? *args.bias : args.weight,
                                                       args.y.view};
  const ReduceChoice reduce = choose_reduce(recorder.kernels.caps());
  record(recorder, {.variant = std::string("layer_norm.") + reduce.variant,
                    .constants = {&reduce.workgroup, 1},
                    .full_subgroups = reduce.full_subgroups,
                    .subgroup_size = reduce.subgroup_size,
                    .push = push_bytes(push),
                    .bindings = bindings,
                    .groups = {args.n, 1, 1},
                    .cost = {.bytes = 8.0 * args.n * args.cols, .flops = 7.0 * args.n * args.cols}});
}

}  // namespace pumice
