// Causal convolutions of columns over tokens, one token at a time. Thread rule: pure functions.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace pumice::reference {

// The last inputs of every column, the oldest first; as many as there are taps before the last.
struct ConvState {
  std::vector<std::vector<double>> last;
  ConvState(size_t taps, size_t cols) : last(taps - 1, std::vector<double>(cols, 0.0)) {}
};

// weight (cols, taps); bias (cols) or empty. Takes u (cols) into the state and returns (cols).
inline std::vector<double> short_conv(ConvState& state, std::span<const float> weight, std::span<const float> bias,
                                      const std::vector<double>& u) {
  const size_t cols = u.size(), taps = weight.size() / cols;
  state.last.push_back(u);
  std::vector<double> y(cols);
  for (size_t col = 0; col < cols; ++col) {
    y[col] = bias.empty() ? 0 : static_cast<double>(bias[col]);
    for (size_t tap = 0; tap < taps; ++tap)
      y[col] += static_cast<double>(weight[col * taps + tap]) * state.last[tap][col];
  }
  state.last.erase(state.last.begin());
  return y;
}

}  // namespace pumice::reference
