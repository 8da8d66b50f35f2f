// The recurrent layers of decoders, one token at a time: between the norm of their input and their output projection.
// Sources: as tests/reference/recurrence.h; Liquid AI 2025 (LFM2). Thread rule: plain values.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "activation.h"
#include "model/spec.h"
#include "recurrence.h"
#include "short_conv.h"

namespace pumice::reference {

// What a layer keeps of the tokens so far.
struct RecurrentState {
  ConvState conv;
  std::vector<HeadState> heads;

  explicit RecurrentState(const RecurrenceSpec& spec)
      : conv(std::max(spec.taps, 1u), spec.conv_width()), heads(spec.heads, HeadState(spec.key_dim, spec.value_dim)) {}
};

class RecurrentLayer {
 public:
  using Rows = std::vector<double>;
  // weight: a tensor of the layer by its whole name behind "blk.0."; project: a matrix of it times the input.
  RecurrentLayer(const RecurrenceSpec& spec, double eps,
                 std::function<std::span<const float>(const std::string&)> weight,
                 std::function<std::vector<float>(const std::string&, size_t rows)> project)
      : spec_(spec), eps_(eps), weight_(std::move(weight)), project_(std::move(project)) {}

  std::vector<float> forward(RecurrentState& state) const {
    Rows y;
    if (spec_.kind == RecurrenceKind::kShortConv)
      y = short_convolution(state);
    else
      y = spec_.kind == RecurrenceKind::kDeltaRule ? delta_rule_layer(state) : mamba2_layer(state);
    return {y.begin(), y.end()};
  }

 private:
  Rows projected(const std::string& name, size_t rows) const {
    const std::vector<float> y = project_(name, rows);
    return {y.begin(), y.end()};
  }
  static Rows part(const Rows& all, size_t first, size_t count) {
    const auto at = all.begin() + static_cast<std::ptrdiff_t>(first);
    return {at, at + static_cast<std::ptrdiff_t>(count)};
  }

  Rows short_convolution(RecurrentState& state) const {
    const size_t width = spec_.value_dim;
    const Rows bcx = projected("shortconv.in_proj", 3 * width);
    Rows u(width);
    for (size_t i = 0; i < width; ++i) u[i] = bcx[i] * bcx[2 * width + i];
    Rows y = short_conv(state.conv, weight_("shortconv.conv.weight"), {}, u);
    for (size_t i = 0; i < width; ++i) y[i] *= bcx[width + i];
    return y;
  }

  Rows convolved(RecurrentState& state, const Rows& u) const {
    Rows y = short_conv(state.conv, weight_("ssm_conv1d.weight"), weight_("ssm_conv1d.bias"), u);
    for (double& value : y) value = silu(value);
    return y;
  }

  // By the norm's weight from `first` on.
  void normalise(std::span<double> x, std::span<const float> weight) const {
    double squares = 0;
    for (const double value : x) squares += value * value / static_cast<double>(x.size());
    for (size_t i = 0; i < x.size(); ++i) x[i] *= static_cast<double>(weight[i]) / std::sqrt(squares + eps_);
  }

  Rows delta_rule_layer(RecurrentState& state) const {
    const size_t keys = spec_.key_dim, values = spec_.value_dim, all_keys = spec_.keys_width();
    const Rows qkv = convolved(state, projected("attn_qkv", spec_.conv_width()));
    const Rows z = projected("attn_gate", spec_.inner_width());
    Rows beta, alpha;
    if (spec_.paired_gates) {
      const size_t share = spec_.heads / spec_.key_heads;
      const Rows both = projected("ssm_ba", 2 * spec_.heads);
      for (size_t i = 0; i < both.size(); ++i) (i / share % 2 ? alpha : beta).push_back(both[i]);
    } else {
      beta = projected("ssm_beta", spec_.heads);
      alpha = projected("ssm_alpha", spec_.heads);
    }
    Rows y;
    for (size_t head = 0; head < spec_.heads; ++head) {
      const size_t share = spec_.heads / spec_.key_heads;
      const size_t key_head = spec_.tiled ? head % spec_.key_heads : head / share;
      const Rows q = part(qkv, key_head * keys, keys), k = part(qkv, all_keys + key_head * keys, keys);
      const Rows v = part(qkv, 2 * all_keys + head * values, values);
      Rows o = delta_rule(state.heads[head], {q, k, v, alpha[head], beta[head]}, weight_("ssm_dt.bias")[head],
                          weight_("ssm_a")[head], eps_);
      normalise(o, weight_("ssm_norm.weight"));
      for (size_t i = 0; i < values; ++i) y.push_back(o[i] * silu(z[head * values + i]));
    }
    return y;
  }

  Rows mamba2_layer(RecurrentState& state) const {
    const size_t inner = spec_.inner_width(), keys = spec_.key_dim, values = spec_.value_dim;
    const Rows all = projected("ssm_in", spec_.projected_width());
    const Rows xbc = convolved(state, part(all, inner, spec_.conv_width()));
    Rows y;
    for (size_t head = 0; head < spec_.heads; ++head) {
      const size_t group = head / (spec_.heads / spec_.key_heads);
      const Rows x = part(xbc, head * values, values), b = part(xbc, inner + group * keys, keys);
      const Rows c = part(xbc, inner + spec_.keys_width() + group * keys, keys);
      const Rows o = mamba2(state.heads[head], {c, b, x, all[inner + spec_.conv_width() + head]},
                            weight_("ssm_dt.bias")[head], weight_("ssm_a")[head], weight_("ssm_d")[head]);
      y.insert(y.end(), o.begin(), o.end());
    }
    for (size_t i = 0; i < inner; ++i) y[i] *= silu(all[i]);
    const size_t group = inner / spec_.key_heads;
    for (size_t first = 0; first < inner && spec_.norm; first += group)
      normalise(std::span(y).subspan(first, group), weight_("ssm_norm.weight").subspan(first, group));
    return y;
  }

  RecurrenceSpec spec_;
  double eps_;
  std::function<std::span<const float>(const std::string&)> weight_;
  std::function<std::vector<float>(const std::string&, size_t rows)> project_;
};

}  // namespace pumice::reference
