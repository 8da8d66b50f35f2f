// rms_norm: y (n, segments * cols) = x * weight / sqrt(mean(x^2) + eps), with the mean of each segment by itself, in
// place too; or y += that. Centred, it is a layer norm: the mean is taken from x first.
#pragma once

#include "kernels/kernels.h"

namespace pumice {

struct RmsNormArgs {
  FloatRows x;                       // (n, first_column + segments * cols)
  vk::BufferView weight;             // (cols), the same for all segments, or (segments, cols)
  bool by_segment = false;           // the latter
  const vk::Buffer* bias = nullptr;  // (cols)
  FloatRows y;                       // as x
  bool centred = false;
  bool accumulate = false;
  uint32_t first_column = 0;  // of x and of y
  uint32_t n = 1, segments = 1, cols = 0;
  float eps = 0;
  float factor = 1;  // of y, what it was included
};
void rms_norm(Recorder recorder, const RmsNormArgs& args);

}  // namespace pumice
