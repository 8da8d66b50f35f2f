#include "kernels/softmax.h"

#include "shared/softmax.h"

namespace pumice {

void softmax(Recorder recorder, const SoftmaxArgs& args) {
  const SoftmaxPush push{.cols = args.cols,
                         .valid = args.valid,
                         .x_stride = args.x.stride,
                         .y_stride = args.y.stride,
                         .scale = args.scale};
  const vk::BufferView bindings[kSoftmaxBindings] = {args.x.view, args.y.view};
  const ReduceChoice reduce = choose_reduce(recorder.kernels.caps());
  record(recorder, {.variant = std::string("softmax.") + reduce.variant,
                    .constants = {&reduce.workgroup, 1},
                    .full_subgroups = reduce.full_subgroups,
                    .subgroup_size = reduce.subgroup_size,
                    .push = push_bytes(push),
                    .bindings = bindings,
                    .groups = {args.n, 1, 1},
                    .cost = {.bytes = 8.0 * args.n * args.cols}});
}

}  // namespace pumice
