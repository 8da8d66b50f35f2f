// silu(x) = x / (1 + e^-x), gelu_erf(x) = 0.5 x (1 + erf(x / sqrt(2))), and gelu(x), its tanh approximation
// 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))); the gated forms multiply by a second input.
// Source: D. Hendrycks and K. Gimpel, Gaussian Error Linear Units (2016); N. Shazeer, GLU Variants Improve Transformer
// (2020). Thread rule: pure functions.
#pragma once

#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>
#include <vector>

namespace pumice::reference {

enum class Activation { kSilu, kGelu, kGeluErf };

inline double silu(double x) { return x / (1.0 + std::exp(-x)); }

inline double gelu(double x) {
  const double inner = std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x);
  return 0.5 * x * (1.0 + std::tanh(inner));
}

inline double gelu_erf(double x) { return 0.5 * x * std::erfc(-x / std::numbers::sqrt2); }

inline double activate(Activation activation, double x) {
  return activation == Activation::kSilu ? silu(x) : activation == Activation::kGelu ? gelu(x) : gelu_erf(x);
}

// y = act(x), elementwise.
inline std::vector<float> activation(Activation kind, std::span<const float> x) {
  std::vector<float> y(x.size());
  for (size_t i = 0; i < x.size(); ++i) y[i] = static_cast<float>(activate(kind, static_cast<double>(x[i])));
  return y;
}

// y = act(gate) * up, elementwise.
inline std::vector<float> gated_activation(Activation kind, std::span<const float> gate, std::span<const float> up) {
  std::vector<float> y(gate.size());
  for (size_t i = 0; i < gate.size(); ++i) {
    y[i] = static_cast<float>(activate(kind, static_cast<double>(gate[i])) * static_cast<double>(up[i]));
  }
  return y;
}

// y = g sigmoid(1.702 g) (u + 1) with g <= limit and -limit <= u <= limit. Source: OpenAI, gpt-oss (2025).
inline std::vector<float> clamped_gate(std::span<const float> gate, std::span<const float> up, double limit) {
  std::vector<float> y(gate.size());
  for (size_t i = 0; i < gate.size(); ++i) {
    const double g = std::fmin(gate[i], limit), u = std::fmax(-limit, std::fmin(up[i], limit));
    y[i] = static_cast<float>(g / (1.0 + std::exp(-1.702 * g)) * (u + 1));
  }
  return y;
}

}  // namespace pumice::reference
