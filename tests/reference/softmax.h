// Softmax and its logarithm, per row of x (rows, cols). Thread rule: pure functions.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace pumice::reference {

// y = softmax(scale * x). `valid` gives for each row how many of its first columns count (empty: all); the others
// become 0, and so does a row without any valid column.
inline std::vector<float> softmax(std::span<const float> x, size_t rows, size_t cols, float scale = 1.0f,
                                  std::span<const uint32_t> valid = {}) {
  std::vector<float> y(rows * cols, 0.0f);
  for (size_t row = 0; row < rows; ++row) {
    const size_t count = valid.empty() ? cols : std::min<size_t>(valid[row], cols);
    const auto scaled = [&](size_t i) { return static_cast<double>(scale) * static_cast<double>(x[row * cols + i]); };
    double top = -std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < count; ++i) top = std::max(top, scaled(i));
    double sum = 0.0;
    for (size_t i = 0; i < count; ++i) sum += std::exp(scaled(i) - top);
    for (size_t i = 0; i < count; ++i) y[row * cols + i] = static_cast<float>(std::exp(scaled(i) - top) / sum);
  }
  return y;
}

// y = x - log(sum(exp(x))).
inline std::vector<float> log_softmax(std::span<const float> x, size_t rows, size_t cols) {
  std::vector<float> y(rows * cols);
  for (size_t row = 0; row < rows; ++row) {
    double top = -std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < cols; ++i) top = std::max(top, static_cast<double>(x[row * cols + i]));
    double sum = 0.0;
    for (size_t i = 0; i < cols; ++i) sum += std::exp(static_cast<double>(x[row * cols + i]) - top);
    const double log_sum = top + std::log(sum);
    for (size_t i = 0; i < cols; ++i) {
      y[row * cols + i] = static_cast<float>(static_cast<double>(x[row * cols + i]) - log_sum);
    }
  }
  return y;
}

}  // namespace pumice::reference
