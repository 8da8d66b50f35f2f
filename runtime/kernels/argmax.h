// argmax: commits the token with the highest logit.
#pragma once

#include "kernels/commit.h"

namespace pumice {

struct ArgmaxArgs {
  vk::BufferView logits;  // (cols)
  uint32_t cols = 0;
  vk::BufferView finds;    // argmax_find_bytes()
  vk::BufferView counter;  // one uint32, zero; left zero
  CommitArgs commit;
};
void argmax(Recorder recorder, const ArgmaxArgs& args);

uint64_t argmax_find_bytes(uint32_t cols);

}  // namespace pumice
