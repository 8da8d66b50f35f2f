// The simpler simple recurrent unit: c = f c + (1 - f) x, f = sigmoid(g); the result is max(c, 0).
// Source: Y. Kim et al., From Research to Production and Back (2019). Thread rule: a pure function.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace pumice::reference {

// Changes `state` (cols); x and g (cols).
inline std::vector<float> ssru(std::span<const float> x, std::span<const float> g, std::span<float> state) {
  std::vector<float> y(state.size());
  for (size_t i = 0; i < y.size(); ++i) {
    const double keep = 1 / (1 + std::exp(-static_cast<double>(g[i])));
    state[i] = static_cast<float>(keep * static_cast<double>(state[i]) + (1 - keep) * static_cast<double>(x[i]));
    y[i] = std::max(state[i], 0.0f);
  }
  return y;
}

}  // namespace pumice::reference
