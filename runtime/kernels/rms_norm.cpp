#include "kernels/rms_norm.h"

#include "shared/rms_norm.h"

namespace pumice {

void rms_norm(Recorder recorder, const RmsNormArgs& args) {
  const RmsNormPush push{.cols = args.cols, .x_stride = args.x.stride, .y_stride = args.y.stride, .eps = args.eps};
  const vk::BufferView bindings[kRmsNormBindings] = {args.x.view, args.weight, args.y.view};
  const ReduceChoice reduce = choose_reduce(recorder.kernels.caps());
  record(recorder, {.variant = std::string("rms_norm.") + reduce.variant,
                    .constants = {&reduce.workgroup, 1},
                    .full_subgroups = reduce.full_subgroups,
                    .subgroup_size = reduce.subgroup_size,
                    .push = push_bytes(push),
                    .bindings = bindings,
                    .groups = {args.n, 1, 1},
                    .cost = {.bytes = 8.0 * args.n * args.cols, .flops = 4.0 * args.n * args.cols}});
}

}  // namespace pumice
