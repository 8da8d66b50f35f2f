// y = x / sqrt(mean(x^2) + eps) * weight, per row of x (rows, cols); weight (cols).
// Source: B. Zhang and R. Sennrich, Root Mean Square Layer Normalization (2019). Thread rule: a pure function.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace pumice::reference {

inline std::vector<float> rms_norm(std::span<const float> x, std::span<const float> weight, float eps) {
  const size_t cols = weight.size();
  const size_t rows = cols == 0 ? 0 : x.size() / cols;
  std::vector<float> y(rows * cols);
  for (size_t row = 0; row < rows; ++row) {
    double squares = 0.0;
    for (size_t i = 0; i < cols; ++i) {
      const double value = x[row * cols + i];
      squares += value * value;
    }
    const double scale = 1.0 / std::sqrt(squares / static_cast<double>(cols) + static_cast<double>(eps));
    for (size_t i = 0; i < cols; ++i) {
      y[row * cols + i] =
          static_cast<float>(static_cast<double>(x[row * cols + i]) * scale * static_cast<double>(weight[i]));
    }
  }
  return y;
}

}  // namespace pumice::reference
