// y = x W^T with the prologues and epilogues that the matvec kernel fuses. x (n, cols), W (rows, cols), y (n, rows).
// Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "activation.h"
#include "rms_norm.h"

namespace pumice::reference {

// Four partial sums only keep the additions independent of each other; every product and sum is a double.
inline double dot(std::span<const float> x, std::span<const float> y) {
  double sums[4] = {0.0, 0.0, 0.0, 0.0};
  size_t i = 0;
  for (; i + 4 <= x.size(); i += 4) {
    for (size_t j = 0; j < 4; ++j) sums[j] += static_cast<double>(x[i + j]) * static_cast<double>(y[i + j]);
  }
  for (; i < x.size(); ++i) sums[0] += static_cast<double>(x[i]) * static_cast<double>(y[i]);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

struct MatvecArgs {
  std::span<const float> x;  // (n, cols)
  std::span<const float> w;  // (rows, cols)
  size_t rows = 0;
  size_t cols = 0;
  std::span<const float> norm_weight;  // (cols): x is RMS-normed first; empty: it is not
  float eps = 0.0f;                    // of that norm
  std::span<const float> bias;         // (rows), or empty
  std::span<const float> residual;     // (n, rows), added to the result, or empty
};

inline std::vector<float> matvec(const MatvecArgs& args) {
  std::vector<float> normed;
  if (!args.norm_weight.empty()) normed = rms_norm(args.x, args.norm_weight, args.eps);
  const std::span<const float> x = args.norm_weight.empty() ? args.x : std::span<const float>(normed);
  const size_t n = x.size() / args.cols;
  std::vector<float> y(n * args.rows);
  for (size_t i = 0; i < n; ++i) {
    for (size_t row = 0; row < args.rows; ++row) {
      double value = dot(x.subspan(i * args.cols, args.cols), args.w.subspan(row * args.cols, args.cols));
      if (!args.bias.empty()) value += static_cast<double>(args.bias[row]);
      if (!args.residual.empty()) value += static_cast<double>(args.residual[i * args.rows + row]);
      y[i * args.rows + row] = static_cast<float>(value);
    }
  }
  return y;
}

struct GateUpArgs {
  std::span<const float> x;     // (n, cols)
  std::span<const float> gate;  // (rows, cols)
  std::span<const float> up;    // (rows, cols)
  size_t rows = 0;
  size_t cols = 0;
  std::span<const float> norm_weight;  // (cols): x is RMS-normed first; empty: it is not
  float eps = 0.0f;
  Activation activation = Activation::kSilu;
};

// y = act(x gate^T) * (x up^T): (n, rows).
inline std::vector<float> gate_up(const GateUpArgs& args) {
  std::vector<float> normed;
  if (!args.norm_weight.empty()) normed = rms_norm(args.x, args.norm_weight, args.eps);
  const std::span<const float> x = args.norm_weight.empty() ? args.x : std::span<const float>(normed);
  const size_t n = x.size() / args.cols;
  std::vector<float> y(n * args.rows);
  for (size_t i = 0; i < n; ++i) {
    for (size_t row = 0; row < args.rows; ++row) {
      const std::span<const float> xi = x.subspan(i * args.cols, args.cols);
      const double gate = dot(xi, args.gate.subspan(row * args.cols, args.cols));
      const double up = dot(xi, args.up.subspan(row * args.cols, args.cols));
      y[i * args.rows + row] = static_cast<float>(activate(args.activation, gate) * up);
    }
  }
  return y;
}

}  // namespace pumice::reference
