// argmax: commits the token with the highest logit of each row.
#pragma once

#include "kernels/commit.h"

namespace pumice {

struct ArgmaxArgs {
  FloatRows logits;  // (n, cols)
  uint32_t cols = 0, n = 1;
  vk::BufferView finds;     // argmax_find_bytes()
  vk::BufferView counters;  // (n) uint32, zero; left zero
  CommitArgs commit;
};
void argmax(Recorder recorder, const ArgmaxArgs& args);

uint64_t argmax_find_bytes(uint32_t cols, uint32_t n);

}  // namespace pumice
