// The index of the largest value; the lowest index wins ties. kNotFinite where there is a NaN or +infinity, or nothing
// finite.
// Thread rule: pure functions.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pumice::reference {

inline constexpr uint32_t kNotFinite = 0xffffffff;

inline uint32_t argmax(std::span<const float> x) {
  uint32_t best = kNotFinite;
  for (uint32_t i = 0; i < x.size(); ++i) {
    if (std::isnan(x[i]) || (std::isinf(x[i]) && x[i] > 0)) return kNotFinite;
    if (!std::isinf(x[i]) && (best == kNotFinite || x[i] > x[best])) best = i;
  }
  return best;
}

// The argmax of each row of x (rows, cols).
inline std::vector<uint32_t> argmax_rows(std::span<const float> x, size_t rows, size_t cols) {
  std::vector<uint32_t> result(rows);
  for (size_t row = 0; row < rows; ++row) result[row] = argmax(x.subspan(row * cols, cols));
  return result;
}

}  // namespace pumice::reference
