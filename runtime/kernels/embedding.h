// embedding: y (n, cols) = the rows of `table` that the tokens of the step rows name, times scale; or by positions.
#pragma once

#include "kernels/weights.h"

namespace pumice {

struct EmbeddingArgs {
  const WeightMatrix& table;  // (vocabulary, cols)
  vk::BufferView step_rows;   // (n) StepRow
  FloatRows y;                // (n, cols)
  uint32_t n = 1;
  float scale = 1.0f;
  bool by_position = false;  // rows are chosen by the positions of the step rows
  bool accumulate = false;   // y += instead of y =
};
void embedding(Recorder recorder, const EmbeddingArgs& args);

}  // namespace pumice
