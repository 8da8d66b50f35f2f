// The states of heads, as each token changes and reads them; by the papers' equations, one after the other. Thread
// rule: pure functions.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace pumice::reference {

inline double softplus(double x) { return std::log1p(std::exp(x)); }

// A head's matrix (key_dim, value_dim).
struct HeadState {
  size_t key_dim, value_dim;
  std::vector<double> s;
  HeadState(size_t keys, size_t values) : key_dim(keys), value_dim(values), s(keys * values, 0.0) {}

  void decay(double g) {
    for (double& value : s) value *= g;
  }
  void add(std::span<const double> k, std::span<const double> v) {
    for (size_t i = 0; i < key_dim; ++i)
      for (size_t j = 0; j < value_dim; ++j) s[i * value_dim + j] += k[i] * v[j];
  }
  std::vector<double> read(std::span<const double> q) const {
    std::vector<double> y(value_dim, 0.0);
    for (size_t i = 0; i < key_dim; ++i)
      for (size_t j = 0; j < value_dim; ++j) y[j] += q[i] * s[i * value_dim + j];
    return y;
  }
};

inline std::vector<double> unit_length(std::span<const double> x, double eps) {
  double sum = 0;
  for (const double value : x) sum += value * value;
  std::vector<double> y(x.begin(), x.end());
  for (double& value : y) value /= std::max(std::sqrt(sum), eps);
  return y;
}

struct DeltaToken {
  std::span<const double> q, k, v;
  double decay, strength;  // before softplus and sigmoid
};

inline std::vector<double> delta_rule(HeadState& state, const DeltaToken& token, double dt, double a, double eps) {
  const std::vector<double> q = unit_length(token.q, eps), k = unit_length(token.k, eps);
  state.decay(std::exp(a * softplus(token.decay + dt)));
  std::vector<double> d = state.read(k);
  const double beta = 1 / (1 + std::exp(-token.strength));
  for (size_t i = 0; i < d.size(); ++i) d[i] = beta * (token.v[i] - d[i]);
  state.add(k, d);
  std::vector<double> y = state.read(q);
  for (double& value : y) value /= std::sqrt(static_cast<double>(state.key_dim));
  return y;
}

struct MambaToken {
  std::span<const double> c, b, x;
  double decay;
};

inline std::vector<double> mamba2(HeadState& state, const MambaToken& token, double dt, double a, double skip) {
  const double t = softplus(token.decay + dt);
  state.decay(std::exp(a * t));
  std::vector<double> v(token.x.begin(), token.x.end());
  for (double& value : v) value *= t;
  state.add(token.b, v);
  std::vector<double> y = state.read(token.c);
  for (size_t i = 0; i < y.size(); ++i) y[i] += skip * token.x[i];
  return y;
}

}  // namespace pumice::reference
