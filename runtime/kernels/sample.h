// sample: draws the next token of each row of logits by the sampler of the row's slot, and commits it.
#pragma once

#include "kernels/commit.h"

namespace pumice {

struct SampleArgs {
  FloatRows logits;  // (n, cols); penalties are applied in place
  uint32_t cols = 0, n = 1;
  vk::BufferView counts;  // (n, cols) uint32, for intermediate results
  CommitArgs commit;
};
void sample(Recorder recorder, const SampleArgs& args);

}  // namespace pumice
