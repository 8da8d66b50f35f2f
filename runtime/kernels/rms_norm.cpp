#include "kernels/rms_norm.h"

#include "shared/rms_norm.h"

namespace pumice {

void rms_norm(Recorder recorder, const RmsNormArgs& args) {
  const RmsNormPush push{.cols = args.cols,
                         .x_stride = args.x.stride,
                         .y_stride = args.y.stride,
                         .first_column = args.first_column,
                         .accumulate = args.accumulate ? 1u : 0u,
                         .centred = args.centred ? 1u : 0u,
                         .biased = args.bias ? 1u : 0u,
                         .weight_stride = args.by_segment ? args.cols : 0u,
                         .eps = args.eps,
                         .factor = args.factor};
  const uint32_t columns = args.segments * args.cols;
  const vk::BufferView bindings[kRmsNormBindings] = {args.x.columns(args.first_column, columns), args.weight,
                                                     args.y.columns(args.first_column, columns),
                                                     args.bias ? vk::BufferView(*args.bias) : args.weight};
  const ReduceChoice reduce = choose_reduce(recorder.kernels.caps());
  record(recorder, {.shader = {ShaderKernel::kRmsNorm, reduce.form},
                    .constants = {&reduce.workgroup, 1},
                    .full_subgroups = reduce.full_subgroups,
                    .subgroup_size = reduce.subgroup_size,
                    .push = push_bytes(push),
                    .bindings = bindings,
                    .groups = {args.n, args.segments, 1},
                    .cost = {.bytes = 8.0 * args.n * columns, .flops = 4.0 * args.n * columns}});
}

}  // namespace pumice
