// Rows of a float matrix (vocab, dim) gathered by token id and multiplied by `scale`: (tokens, dim).
// A token outside the vocabulary gives a row of zeros. Thread rule: a pure function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pumice::reference {

inline std::vector<float> embedding(std::span<const float> table, size_t vocab, size_t dim,
                                    std::span<const uint32_t> tokens, float scale = 1.0f) {
  std::vector<float> y(tokens.size() * dim, 0.0f);
  for (size_t row = 0; row < tokens.size(); ++row) {
    if (tokens[row] >= vocab) continue;
    for (size_t i = 0; i < dim; ++i) y[row * dim + i] = table[tokens[row] * dim + i] * scale;
  }
  return y;
}

}  // namespace pumice::reference
