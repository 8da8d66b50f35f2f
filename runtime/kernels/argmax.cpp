#include "kernels/argmax.h"

#include "shared/argmax.h"

namespace pumice {

namespace {
constexpr uint32_t kColsPerGroup = 4096;
}

uint64_t argmax_find_bytes(uint32_t cols, uint32_t n) { return uint64_t{8} * n * divide_up(cols, kColsPerGroup); }

void argmax(Recorder recorder, const ArgmaxArgs& args) {
  const ArgmaxPush push{.commit = commit_push(args.commit),
                        .cols = args.cols,
                        .cols_per_group = kColsPerGroup,
                        .logits_stride = args.logits.stride};
  const vk::BufferView bindings[kArgmaxBindings] = {args.logits.view,
                                                    args.finds,
                                                    args.counters,
                                                    args.commit.step_rows,
                                                    args.commit.next_rows,
                                                    args.commit.token_log,
                                                    args.commit.attention_arguments,
                                                    args.commit.samplers};
  const ReduceChoice reduce = choose_wide_reduce(recorder.kernels.caps());
  record(recorder, {.shader = {ShaderKernel::kArgmax, reduce.form},
                    .constants = {&reduce.workgroup, 1},
                    .full_subgroups = reduce.full_subgroups,
                    .subgroup_size = reduce.subgroup_size,
                    .push = push_bytes(push),
                    .bindings = bindings,
                    .groups = {divide_up(args.cols, kColsPerGroup), args.n, 1},
                    .cost = {.bytes = 4.0 * args.cols * args.n}});
}

}  // namespace pumice
