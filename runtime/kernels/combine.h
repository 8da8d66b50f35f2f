// combine: the weighted sum of what the experts of a mixture made of each row (shaders/shared/combine.h).
#pragma once

#include "kernels/kernels.h"

namespace pumice {

struct CombineArgs {
  FloatRows x;             // (n * used, cols)
  vk::BufferView choices;  // of route()
  FloatRows y;             // (n, cols)
  bool accumulate = false;
  float factor = 1;  // of the sum
  uint32_t n = 1, used = 1, cols = 0;
};
void combine(Recorder recorder, const CombineArgs& args);

}  // namespace pumice
