// y = a + b, elementwise. Thread rule: a pure function.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace pumice::reference {

inline std::vector<float> add(std::span<const float> a, std::span<const float> b) {
  std::vector<float> y(a.size());
  for (size_t i = 0; i < a.size(); ++i) y[i] = a[i] + b[i];
  return y;
}

}  // namespace pumice::reference
