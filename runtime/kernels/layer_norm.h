// layer_norm: y (n, cols) = (x - mean) / sqrt(variance + eps) * weight + bias.
#pragma once

#include "kernels/kernels.h"

namespace pumice {

struct LayerNormArgs {
  FloatRows x;                           // (n, cols)
  vk::BufferView weight;                 // (cols)
  const vk::BufferView* bias = nullptr;  // (cols)
  FloatRows y;                           // (n, cols)
  uint32_t n = 1, cols = 0;
  float eps = 0;
};
void layer_norm(Recorder recorder, const LayerNormArgs& args);

}  // namespace pumice
