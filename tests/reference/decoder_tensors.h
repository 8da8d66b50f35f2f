// DecoderTensors: a decoder's weights as floats by their names, and the norms and products that its blocks are made of.
// DecoderFeedForward: its feed-forward blocks and mixtures. Both are parts of DecoderReference (decoder.h).
// Thread rule: const after loading.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "activation.h"
#include "base/result.h"
#include "embedding.h"
#include "format/dequantize.h"
#include "format/gguf.h"
#include "matvec.h"
#include "model/model.h"
#include "rms_norm.h"
#include "route.h"

namespace pumice::reference {

class DecoderTensors {
 public:
  const ModelSpec& spec() const { return spec_; }
  // Row-major (rows, cols); empty where the file has no such tensor.
  std::span<const float> weight(const std::string& name) const {
    const auto found = weights_.find(name);
    return found == weights_.end() ? std::span<const float>() : std::span<const float>(found->second);
  }

 protected:
  Result<void> read(const Gguf& file) {
    PUMICE_ASSIGN(ModelSpec spec, describe(file));
    return read(file, std::move(spec));
  }
  // One of the file's stacks.
  Result<void> read(const Gguf& file, ModelSpec spec) {
    spec_ = std::move(spec);
    std::vector<std::byte> bytes;
    for (GgufTensor tensor : file.tensors()) {
      bytes.resize(tensor.data.size());
      PUMICE_ASSIGN(tensor.data, file.fetch(tensor.data, bytes));
      std::vector<float>& values = weights_[std::string(tensor.name)];
      values.resize(tensor.rows() * tensor.cols());
      PUMICE_TRY(dequantize_rows(tensor, 0, tensor.rows(), values));
    }
    return {};
  }

  std::string named(size_t layer, const std::string& name) const {
    return spec_.prefix + "blk." + std::to_string(layer) + "." + name;
  }

  // Of the model's kind; an empty weight is 1.
  std::vector<float> norm(std::span<const float> x, std::span<const float> by) const {
    const size_t group = x.size() / spec_.norm_groups;
    if (spec_.norm_groups > 1 && x.size() == spec_.width) return grouped_norm(x, by, group);
    double mean = 0;
    for (const float value : x) mean += static_cast<double>(value) / static_cast<double>(x.size());
    std::vector<float> centred(x.begin(), x.end());
    if (spec_.norm_kind == NormKind::kLayer)
      for (float& value : centred) value = static_cast<float>(static_cast<double>(value) - mean);
    return rms_norm(centred, by.empty() ? std::vector<float>(x.size(), 1.0f) : std::vector<float>(by.begin(), by.end()),
                    spec_.norm_eps);
  }
  // Each `group` columns by themselves.
  std::vector<float> grouped_norm(std::span<const float> x, std::span<const float> by, size_t group) const {
    std::vector<float> y;
    for (size_t at = 0; at < x.size(); at += group) {
      const std::span<const float> own = by.subspan(at, group);
      const std::vector<float> part = rms_norm(x.subspan(at, group), {own.begin(), own.end()}, spec_.norm_eps);
      y.insert(y.end(), part.begin(), part.end());
    }
    return y;
  }
  // By the tensors `name`.weight and, if there is one, .bias.
  std::vector<float> norm(const std::string& name, std::span<const float> x) const {
    const std::span<const float> by = weight(name + ".weight");
    std::vector<float> y = norm(x, by.empty() ? weight(name) : by);
    const std::span<const float> bias = weight(name + ".bias");
    for (size_t i = 0; i < bias.size(); ++i) y[i] += bias[i];
    return y;
  }

  // Of a token, times its scale.
  std::vector<float> embedded(uint32_t token) const {
    const uint32_t tokens[1] = {token};
    const std::span<const float> own = weight(spec_.prefix + "token_embd.weight");
    std::vector<float> x =
        embedding(own.empty() ? weight("token_embd.weight") : own, spec_.vocabulary, spec_.width, tokens);
    for (float& value : x) value *= spec_.embedding_scale;
    return x;
  }

  // T5's biases of scores, (heads, 2 kFar + 1) by the position of the key less that of the row; empty: there are none.
  std::vector<float> biases() const {
    constexpr int kFar = 400;
    if (spec_.bias_buckets == 0) return {};
    const std::span<const float> table = weight(spec_.prefix + "blk.0.attn_rel_b.weight");
    const size_t heads = spec_.layers[0].attention.heads;
    std::vector<float> all;
    for (size_t head = 0; head < heads; ++head)
      for (int ahead = -kFar; ahead <= kFar; ++ahead) {
        int buckets = static_cast<int>(spec_.bias_buckets), bucket = 0, distance = std::max(-ahead, 0);
        if (!spec_.causal) {
          buckets /= 2;
          bucket = ahead > 0 ? buckets : 0;
          distance = std::abs(ahead);
        }
        const int half = buckets / 2;
        const double steps = std::log(std::max(distance, 1) / static_cast<double>(half)) / std::log(128.0 / half);
        bucket += distance < half ? distance : std::min(half + static_cast<int>(steps * (buckets - half)), buckets - 1);
        all.push_back(table[static_cast<size_t>(bucket) * heads + head]);
      }
    return all;
  }

  // norm(x), or x where there is no norm.
  std::vector<float> normed(size_t layer, const std::string& name, std::span<const float> x) const {
    if (name.empty()) return {x.begin(), x.end()};
    return name == kBareNorm ? norm(x, {}) : norm(named(layer, name), x);
  }

  // Rows [first, first + rows) of the matrix `name`, with its bias.
  std::vector<float> project(size_t layer, const std::string& name, std::span<const float> x, size_t first,
                             size_t rows) const {
    const std::string tensor = named(layer, name);
    const std::span<const float> bias = weight(tensor + ".bias");
    return matvec({.x = x,
                   .w = weight(tensor + ".weight").subspan(first * x.size(), rows * x.size()),
                   .rows = rows,
                   .cols = x.size(),
                   .bias = bias.empty() ? bias : bias.subspan(first, rows)});
  }

  // Of attn_q, which has of each head its queries, then the gate of its results.
  std::vector<float> every_second_head(size_t layer, std::span<const float> n, size_t first) const {
    const AttentionSpec& attention = spec_.layers[layer].attention;
    std::vector<float> all;
    for (size_t head = first; head < 2 * attention.heads; head += 2) {
      const std::vector<float> one = project(layer, "attn_q", n, head * attention.head_dim, attention.head_dim);
      all.insert(all.end(), one.begin(), one.end());
    }
    return all;
  }

  // The joined heads times value_scale and gate(attn_gate n).
  void gate_heads(size_t layer, std::span<const float> n, std::vector<float>& heads) const {
    const AttentionSpec& attention = spec_.layers[layer].attention;
    for (float& value : heads) value *= attention.value_scale;
    if (attention.gate_width == 0) return;
    const std::vector<float> gate =
        attention.gate_in_q ? every_second_head(layer, n, 1) : project(layer, "attn_gate", n, 0, attention.gate_width);
    for (size_t i = 0; i < heads.size(); ++i) {
      const double by = gate[i / (heads.size() / gate.size())];
      const bool sigmoid = attention.gate == pumice::Activation::kSigmoid;
      const double softplus =
          attention.gate == pumice::Activation::kSoftplus2 ? std::log2(1 + std::exp2(by)) : std::log1p(std::exp(by));
      heads[i] *= static_cast<float>(sigmoid ? 1 / (1 + std::exp(-by)) : softplus);
    }
  }

  ModelSpec spec_;

 private:
  std::map<std::string, std::vector<float>> weights_;
};

class DecoderFeedForward : public DecoderTensors {
 protected:
  // What the layers add of the token itself: (layers, per_layer_width).
  std::vector<float> per_layer_inputs(uint32_t token, std::span<const float> x) const {
    const size_t each = spec_.per_layer_width, all = each * spec_.layers.size();
    const uint32_t tokens[1] = {token};
    const std::vector<float> own = embedding(weight("per_layer_token_embd.weight"), spec_.vocabulary, all, tokens);
    std::vector<float> inputs =
        matvec({.x = x, .w = weight("per_layer_model_proj.weight"), .rows = all, .cols = spec_.width});
    for (float& value : inputs) value /= std::sqrt(static_cast<float>(spec_.width));
    inputs = rms_norm(inputs, weight("per_layer_proj_norm.weight"), spec_.norm_eps);
    const double scale = std::sqrt(static_cast<double>(each));
    for (size_t i = 0; i < all; ++i) inputs[i] = static_cast<float>((inputs[i] + scale * own[i]) / std::sqrt(2.0));
    return inputs;
  }

  std::vector<float> activated(const FeedForwardSpec& spec, std::span<const float> gate,
                               std::span<const float> up) const {
    if (spec.activation == pumice::Activation::kClamped)
      return clamped_gate(gate, up, static_cast<double>(spec.activation_limit));
    if (spec.activation == pumice::Activation::kLimited) {
      const float limit = spec.activation_limit;
      std::vector<float> low(gate.begin(), gate.end()), clamped(up.begin(), up.end());
      for (float& value : low) value = std::min(value, limit);
      for (float& value : clamped) value = std::clamp(value, -limit, limit);
      return gated_activation(Activation::kSilu, low, clamped);
    }
    if (spec.activation == pumice::Activation::kRelu) {
      std::vector<float> y(up.begin(), up.end());
      for (size_t i = 0; i < y.size(); ++i) y[i] *= std::max(gate[i], 0.0f);
      return y;
    }
    return gated_activation(spec.activation == pumice::Activation::kGelu      ? Activation::kGelu
                            : spec.activation == pumice::Activation::kGeluErf ? Activation::kGeluErf
                                                                              : Activation::kSilu,
                            gate, up);
  }

  // Without a gate.
  static std::vector<float> activated(const FeedForwardSpec& spec, std::vector<float> hidden) {
    for (float& value : hidden)
      value = static_cast<float>(plain_activation(spec.activation, static_cast<double>(value)));
    return hidden;
  }
  static double plain_activation(pumice::Activation kind, double x) {
    switch (kind) {
      case pumice::Activation::kGelu:
        return gelu(x);
      case pumice::Activation::kGeluErf:
        return gelu_erf(x);
      case pumice::Activation::kGeluQuick:
        return x / (1 + std::exp(-1.702 * x));
      case pumice::Activation::kSilu:
        return silu(x);
      case pumice::Activation::kRelu:
        return std::max(x, 0.0);
      default:
        return std::max(x, 0.0) * std::max(x, 0.0);
    }
  }

  // Rows [at * rows, (at + 1) * rows) of gate and up, and as many of down.
  std::vector<float> expert(size_t layer, const std::string& suffix, std::span<const float> n, size_t at,
                            size_t rows) const {
    if (!spec_.layers[layer].feed_forward.gated) {
      const std::vector<float> hidden =
          activated(spec_.layers[layer].feed_forward, project(layer, "ffn_up" + suffix, n, at * rows, rows));
      return project(layer, "ffn_down" + suffix, hidden, at * n.size(), n.size());
    }
    const bool merged = !weight(named(layer, "ffn_gate_up" + suffix + ".weight")).empty();
    const std::string both = "ffn_gate_up" + suffix;
    const std::vector<float> gate =
        merged ? project(layer, both, n, 2 * at * rows, rows) : project(layer, "ffn_gate" + suffix, n, at * rows, rows);
    const std::vector<float> up = merged ? project(layer, both, n, (2 * at + 1) * rows, rows)
                                         : project(layer, "ffn_up" + suffix, n, at * rows, rows);
    const std::vector<float> hidden = activated(spec_.layers[layer].feed_forward, gate, up);
    return project(layer, "ffn_down" + suffix, hidden, at * n.size(), n.size());
  }

  // Of the router's input and the experts'.
  std::vector<float> chosen_experts(size_t layer, std::span<const float> router_input, std::span<const float> n) const {
    const FeedForwardSpec& spec = spec_.layers[layer].feed_forward;
    const MixtureSpec& m = spec.mixture;
    const std::vector<float> logits = project(layer, "ffn_gate_inp", router_input, 0, m.experts);
    const std::span<const float> bias = weight(named(layer, "exp_probs_b.bias"));
    const std::span<const float> scales = weight(named(layer, "ffn_down_exps.scale"));
    std::vector<float> latent(n.begin(), n.end());
    if (m.latent_width) latent = project(layer, "ffn_latent_down", n, 0, m.latent_width);
    std::vector<float> sum(latent.size(), 0.0f);
    for (const Choice& choice : route({.logits = logits,
                                       .bias = bias.empty() ? weight(named(layer, "exp_probs_b.weight")) : bias,
                                       .used = m.used,
                                       .gating = static_cast<RouteArgs::Gating>(m.gating),
                                       .normalised = m.normalised,
                                       .scale = static_cast<double>(m.scale),
                                       .groups = m.groups,
                                       .groups_used = m.groups_used})) {
      std::vector<float> input = latent;
      for (float& value : input)
        if (m.weighted_input) value *= static_cast<float>(choice.weight);
      const std::vector<float> one = expert(layer, "_exps", input, choice.expert, spec.width);
      const double by =
          (m.weighted_input ? 1 : choice.weight) * (m.scales ? static_cast<double>(scales[choice.expert]) : 1.0);
      for (size_t i = 0; i < sum.size(); ++i) sum[i] += static_cast<float>(by * static_cast<double>(one[i]));
    }
    return m.latent_width ? project(layer, "ffn_latent_up", sum, 0, spec_.width) : sum;
  }

  std::vector<float> mixture(size_t layer, std::span<const float> layer_input, std::span<const float> n) const {
    const MixtureSpec& m = spec_.layers[layer].feed_forward.mixture;
    const bool early = !m.early_norm.empty();
    const std::vector<float> own = early ? normed(layer, m.early_norm, layer_input) : std::vector<float>();
    const std::span<const float> input = early ? std::span<const float>(own) : n;
    std::vector<float> sum = chosen_experts(layer, m.early_router ? layer_input : input, input);
    if (m.shared_width != 0) {
      const std::vector<float> shared = expert(layer, m.shared_end, n, 0, m.shared_width);
      const double gate = m.shared_gate ? project(layer, "ffn_gate_inp" + m.shared_end, n, 0, 1)[0] : INFINITY;
      for (size_t i = 0; i < sum.size(); ++i) sum[i] += static_cast<float>(shared[i] / (1 + std::exp(-gate)));
    }
    for (float& value : sum) value *= m.sum_scale;
    return sum;
  }

  // Of the residual stream: the router, chosen experts and shared ones read it through norms of their own.
  std::vector<float> normed_mixture(size_t layer, std::span<const float> x) const {
    const MixtureSpec& m = spec_.layers[layer].feed_forward.mixture;
    std::vector<float> router = norm(x, weight(named(layer, "ffn_gate_inp.scale")));
    for (float& value : router) value /= std::sqrt(static_cast<float>(spec_.width));
    const std::vector<float> chosen = chosen_experts(layer, router, normed(layer, "pre_ffw_norm_2", x));
    std::vector<float> sum = normed(layer, "post_ffw_norm_2", chosen);
    const std::vector<float> shared =
        expert(layer, m.shared_end, normed(layer, spec_.layers[layer].ffn_norm, x), 0, m.shared_width);
    const std::vector<float> more = normed(layer, "post_ffw_norm_1", shared);
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += more[i];
    return sum;
  }

  // Of the block's input; layer_input: x before the attention block.
  std::vector<float> feed_forward(size_t layer, std::span<const float> layer_input, std::span<const float> n) const {
    const FeedForwardSpec& spec = spec_.layers[layer].feed_forward;
    if (spec.mixture.experts) return mixture(layer, layer_input, n);
    if (!spec.gated) {
      std::vector<float> hidden = activated(spec, project(layer, "ffn_up", n, 0, spec.width));
      const std::span<const float> divisors = weight(named(layer, "ffn.act.scales"));
      for (size_t i = 0; i < hidden.size() && spec.divided; ++i) hidden[i] /= divisors[i];
      return project(layer, "ffn_down", hidden, 0, spec_.width);
    }
    const bool fused = weight(named(layer, "ffn_gate.weight")).empty();
    const std::vector<float> gate = project(layer, fused ? "ffn_up" : "ffn_gate", n, 0, spec.width);
    const std::vector<float> up = project(layer, "ffn_up", n, fused ? spec.width : 0, spec.width);
    return project(layer, "ffn_down", activated(spec, gate, up), 0, spec_.width);
  }
};

}  // namespace pumice::reference
