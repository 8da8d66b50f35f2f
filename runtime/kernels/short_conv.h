// short_conv: causal convolutions of columns over the tokens of a sequence (shaders/shared/short_conv.h).
#pragma once

#include "kernels/kernels.h"
#include "kernels/states.h"

namespace pumice {

struct ShortConvArgs {
  FloatRows x;            // (n, first_column + cols), gated: (n, first_column + 3 * cols): gate, second gate, x
  vk::BufferView weight;  // (cols, kConvMostTaps), zeros before the first tap
  vk::BufferView bias;    // (cols)
  vk::BufferView step_rows;
  States states;
  FloatRows y;  // (n, cols)
  uint32_t first_column = 0;
  uint32_t n = 1, cols = 0;
  bool one_sequence = true;
  bool gated = false;
  bool activated = false;  // by silu
};
void short_conv(Recorder recorder, const ShortConvArgs& args);

// Floats of a sequence's state.
uint32_t short_conv_state(uint32_t cols);

}  // namespace pumice
