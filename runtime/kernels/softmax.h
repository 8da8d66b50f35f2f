// softmax: y (n, cols) = softmax(x * scale) over the first `valid` columns, 0 beyond.
#pragma once

#include "kernels/kernels.h"

namespace pumice {

struct SoftmaxArgs {
  FloatRows x, y;  // (n, cols)
  uint32_t n = 1, cols = 0, valid = 0;
  float scale = 1;
};
void softmax(Recorder recorder, const SoftmaxArgs& args);

}  // namespace pumice
