// y = (x - mean(x)) / sqrt(variance(x) + eps) * weight + bias, per row of x (rows, cols); weight (cols), bias (cols) or
// empty. The variance divides by cols, not by cols - 1.
// Source: J. L. Ba, J. R. Kiros and G. E. Hinton, Layer Normalization (2016). Thread rule: a pure function.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace pumice::reference {

inline std::vector<float> layer_norm(std::span<const float> x, std::span<const float> weight,
                                     std::span<const float> bias, float eps) {
  const size_t cols = weight.size();
  const size_t rows = cols == 0 ? 0 : x.size() / cols;
  std::vector<float> y(rows * cols);
  for (size_t row = 0; row < rows; ++row) {
    double sum = 0.0;
    for (size_t i = 0; i < cols; ++i) sum += static_cast<double>(x[row * cols + i]);
    const double mean = sum / static_cast<double>(cols);
    double squares = 0.0;
    for (size_t i = 0; i < cols; ++i) {
      const double centred = static_cast<double>(x[row * cols + i]) - mean;
      squares += centred * centred;
    }
    const double scale = 1.0 / std::sqrt(squares / static_cast<double>(cols) + static_cast<double>(eps));
    for (size_t i = 0; i < cols; ++i) {
      const double centred = static_cast<double>(x[row * cols + i]) - mean;
      const double shift = bias.empty() ? 0.0 : static_cast<double>(bias[i]);
      y[row * cols + i] = static_cast<float>(centred * scale * static_cast<double>(weight[i]) + shift);
    }
  }
  return y;
}

}  // namespace pumice::reference
