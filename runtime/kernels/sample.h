// sample: draws the next token from logits by the sampler of the row's slot, and commits it.
#pragma once

#include "kernels/commit.h"

namespace pumice {

struct SampleArgs {
  vk::BufferView logits;  // (cols); penalties are applied in place
  uint32_t cols = 0;
  CommitArgs commit;
};
void sample(Recorder recorder, const SampleArgs& args);

}  // namespace pumice
