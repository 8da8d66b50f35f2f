// Activations with 8 bits and a scale for each 32 values, and as f16 with a scale for each row: the values that the
// quantised forms stand for. x (n, cols). Thread rule: pure functions.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pumice::reference {

inline constexpr size_t kQuantizeUnit = 32;

inline double largest_size(std::span<const float> x) {
  double top = 0.0;
  for (const float value : x) top = std::max(top, std::fabs(static_cast<double>(value)));
  return top;
}

struct QuantizedUnit {
  double scale = 0.0;  // of one step
  int32_t values[kQuantizeUnit] = {};
};

// The units of one row, the last padded with zeros.
inline std::vector<QuantizedUnit> quantize_q8(std::span<const float> x) {
  std::vector<QuantizedUnit> units((x.size() + kQuantizeUnit - 1) / kQuantizeUnit);
  for (size_t u = 0; u < units.size(); ++u) {
    const auto part = x.subspan(u * kQuantizeUnit, std::min(kQuantizeUnit, x.size() - u * kQuantizeUnit));
    units[u].scale = largest_size(part) / 127.0;
    if (units[u].scale == 0.0) continue;
    for (size_t i = 0; i < part.size(); ++i)
      units[u].values[i] = static_cast<int32_t>(std::nearbyint(static_cast<double>(part[i]) / units[u].scale));
  }
  return units;
}

// The power of two that a row is divided by so that its largest value is in [2^14, 2^15); limited to what keeps it and
// its inverse normal f32 numbers.
inline double row_scale_f16(std::span<const float> row) {
  const double top = largest_size(row);
  const int exponent = top > 0.0 ? std::ilogb(top) : -127;
  return std::ldexp(1.0, std::max(exponent - 14, -126));
}

}  // namespace pumice::reference
