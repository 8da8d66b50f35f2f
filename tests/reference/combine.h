// The weighted sum of what the experts of a mixture made of each row. Thread rule: a pure function.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace pumice::reference {

// x (rows * used, cols), weights (rows * used): (rows, cols).
inline std::vector<float> combine(std::span<const float> x, std::span<const float> weights, size_t used, size_t cols) {
  std::vector<float> y(weights.size() / used * cols);
  for (size_t i = 0; i < y.size(); ++i) {
    double sum = 0;
    for (size_t j = 0; j < used; ++j) {
      const size_t row = i / cols * used + j;
      sum += static_cast<double>(weights[row]) * static_cast<double>(x[row * cols + i % cols]);
    }
    y[i] = static_cast<float>(sum);
  }
  return y;
}

}  // namespace pumice::reference
