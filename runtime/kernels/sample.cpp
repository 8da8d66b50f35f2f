#include "kernels/sample.h"

#include "shared/sample.h"

namespace pumice {

uint64_t sample_find_bytes(uint32_t cols, uint32_t n) { return uint64_t{8} * n * divide_up(cols, kSampleCols); }

void sample(Recorder recorder, const SampleArgs& args) {
  SamplePush push{.commit = commit_push(args.commit),
                  .cols = args.cols,
                  .logits_stride = args.logits.stride,
                  .mask_words = args.mask_words};
  const vk::BufferView bindings[kSampleBindings] = {args.logits.view,
                                                    args.commit.step_rows,
                                                    args.commit.next_rows,
                                                    args.commit.token_log,
                                                    args.commit.attention_arguments,
                                                    args.commit.samplers,
                                                    args.states,
                                                    args.finds,
                                                    args.masks};
  const ReduceChoice reduce = choose_wide_reduce(recorder.kernels.caps());
  for (push.stage = 0; push.stage < kSampleStages; ++push.stage)
    record(recorder, {.shader = {ShaderKernel::kSample, reduce.form},
                      .constants = {&reduce.workgroup, 1},
                      .full_subgroups = reduce.full_subgroups,
                      .subgroup_size = reduce.subgroup_size,
                      .push = push_bytes(push),
                      .bindings = bindings,
                      .groups = {divide_up(args.cols, kSampleCols), args.n, 1},
                      .cost = {.bytes = 4.0 * args.cols * args.n}});
}

}  // namespace pumice
