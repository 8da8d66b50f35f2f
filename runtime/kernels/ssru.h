// ssru: a step of the simpler simple recurrent unit for several sequences (shaders/shared/ssru.h).
#pragma once

#include "kernels/kernels.h"

namespace pumice {

struct SsruArgs {
  FloatRows x;               // (n, 2 cols): the input, then the logit of what is kept
  vk::BufferView step_rows;  // (n) StepRow
  vk::BufferView parents;    // (n) uint32
  vk::BufferView states;     // (places, state_stride) floats
  uint32_t state_stride = 0;
  uint32_t from = 0, to = 0;  // first places of what is read and written; the two do not overlap
  FloatRows y;                // (n, cols), added to
  uint32_t n = 1, cols = 0;
};
void ssru(Recorder recorder, const SsruArgs& args);

}  // namespace pumice
