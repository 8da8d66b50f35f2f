// The simplest operation for tests that need any: y (cols) = a * b, for a from 32 on, of which silu(a) is a.
// Thread rule: as for recording.
#pragma once

#include "kernels/activation.h"

namespace pumice::test {

inline void product(Recorder recorder, const vk::BufferView& a, const vk::BufferView& b, const vk::BufferView& y,
                    uint32_t cols) {
  const FloatRows up{b, cols};
  activation(recorder, {.gate = {a, cols}, .up = &up, .y = {y, cols}, .n = 1, .cols = cols});
}

}  // namespace pumice::test
