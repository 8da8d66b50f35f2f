// rms_norm: y (n, cols) = x * weight / sqrt(mean(x^2) + eps).
#pragma once

#include "kernels/kernels.h"

namespace pumice {

struct RmsNormArgs {
  FloatRows x;            // (n, cols)
  vk::BufferView weight;  // (cols)
  FloatRows y;            // (n, cols)
  uint32_t n = 1, cols = 0;
  float eps = 0;
};
void rms_norm(Recorder recorder, const RmsNormArgs& args);

}  // namespace pumice
