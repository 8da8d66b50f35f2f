// sample: draws the next token of each row of logits by the sampler of the row's slot, and commits it.
#pragma once

#include "kernels/commit.h"

namespace pumice {

struct SampleArgs {
  FloatRows logits;  // (n, cols); penalties are applied in place
  uint32_t cols = 0, n = 1;
  vk::BufferView states;  // (n) SampleState, zero before the first use
  vk::BufferView finds;   // sample_find_bytes()
  vk::BufferView masks;   // (slots, mask_words): read of slots whose sampler is masked
  uint32_t mask_words = 0;
  CommitArgs commit;
};
void sample(Recorder recorder, const SampleArgs& args);

uint64_t sample_find_bytes(uint32_t cols, uint32_t n);

}  // namespace pumice
