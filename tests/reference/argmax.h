// The index of the largest value. The lowest index wins ties; a NaN never wins; 0 where there is nothing but NaN.
// Thread rule: pure functions.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pumice::reference {

inline uint32_t argmax(std::span<const float> x) {
  size_t best = 0;
  bool found = false;
  for (size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(x[i])) continue;
    if (!found || x[i] > x[best]) best = i;
    found = true;
  }
  return static_cast<uint32_t>(best);
}

// The argmax of each row of x (rows, cols).
inline std::vector<uint32_t> argmax_rows(std::span<const float> x, size_t rows, size_t cols) {
  std::vector<uint32_t> result(rows);
  for (size_t row = 0; row < rows; ++row) result[row] = argmax(x.subspan(row * cols, cols));
  return result;
}

}  // namespace pumice::reference
