// embedding: y (n, cols) = the rows of `table` that the tokens or positions of the step rows name, or the first row for
// all of them, times scale.
#pragma once

#include "kernels/weights.h"
#include "shared/embedding.h"

namespace pumice {

enum class EmbeddingRow : uint32_t {
  kOfToken = kEmbeddingByToken,
  kOfPosition = kEmbeddingByPosition,
  kFirst = kEmbeddingFirstRow
};

struct EmbeddingArgs {
  const WeightMatrix& table;  // (vocabulary, cols)
  vk::BufferView step_rows;   // (n) StepRow
  FloatRows y;                // (n, cols)
  uint32_t n = 1;
  float scale = 1.0f;
  EmbeddingRow row = EmbeddingRow::kOfToken;
  bool accumulate = false;  // y += instead of y =
};
void embedding(Recorder recorder, const EmbeddingArgs& args);

}  // namespace pumice
