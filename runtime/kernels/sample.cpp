#include "kernels/sample.h"

#include "shared/sample.h"

namespace pumice {

void sample(Recorder recorder, const SampleArgs& args) {
  const SamplePush push{.commit = commit_push(args.commit), .cols = args.cols};
  const vk::BufferView bindings[kSampleBindings] = {
      args.logits,           args.commit.step_rows,           args.commit.next_rows,
      args.commit.token_log, args.commit.attention_arguments, args.commit.samplers};
  const ReduceChoice reduce = choose_wide_reduce(recorder.kernels.caps());
  record(recorder, {.variant = std::string("sample.") + reduce.variant,
                    .constants = {&reduce.workgroup, 1},
                    .full_subgroups = reduce.full_subgroups,
                    .push = push_bytes(push),
                    .bindings = bindings,
                    .groups = {1, 1, 1},
                    .cost = {.bytes = 4.0 * args.cols}});
}

}  // namespace pumice
