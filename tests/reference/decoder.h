// DecoderReference: the whole forward pass of a decoder on the CPU, one token at a time, as its ModelSpec says, with a
// KV cache of F32 or rounded as the device's is.
//
// Shares nothing with the device's way but the spec: weights come from the file by their names, every product and sum
// is a double. Sources: those of the families (runtime/model/families).
// Ownership: holds float copies of all weights (4 bytes per parameter); the file closes after loading.
// Thread rule: one thread at a time.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "activation.h"
#include "argmax.h"
#include "attention.h"
#include "base/result.h"
#include "embedding.h"
#include "format/dequantize.h"
#include "format/gguf.h"
#include "hadamard.h"
#include "kv_pages.h"
#include "matvec.h"
#include "model/model.h"
#include "recurrent_layer.h"
#include "rms_norm.h"
#include "rope.h"
#include "route.h"

namespace pumice::reference {

// How keys and values are rounded, and in which Hadamard blocks (1: none) they are then.
struct CacheFormat {
  KvType k = KvType::kF32, v = KvType::kF32;
  size_t k_rotation = 1, v_rotation = 1;
};

class DecoderReference {
 public:
  static Result<DecoderReference> load(const std::string& path) {
    PUMICE_ASSIGN(const Gguf file, Gguf::open(path));
    return from_gguf(file);
  }

  // context_tokens: decides between two tables of rotation where there are two.
  static Result<DecoderReference> from_gguf(const Gguf& file, const CacheFormat& format = {},
                                            uint32_t context_tokens = 0) {
    DecoderReference model;
    model.format_ = format;
    model.context_tokens_ = context_tokens;
    PUMICE_ASSIGN(model.spec_, describe(file));
    for (const GgufTensor& tensor : file.tensors()) {
      std::vector<float>& values = model.weights_[std::string(tensor.name)];
      values.resize(tensor.rows() * tensor.cols());
      PUMICE_TRY(dequantize_rows(tensor, 0, tensor.rows(), values));
    }
    model.cache_.resize(model.spec_.layers.size());
    for (const LayerSpec& layer : model.spec_.layers) model.states_.emplace_back(1, RecurrentState(layer.recurrence));
    return model;
  }

  const ModelSpec& spec() const { return spec_; }
  // Row-major (rows, cols); empty where the file has no such tensor.
  std::span<const float> weight(const std::string& name) const {
    const auto found = weights_.find(name);
    return found == weights_.end() ? std::span<const float>() : std::span<const float>(found->second);
  }
  size_t length() const { return length_; }  // tokens in the cache

  // Dense keys and values of a layer as they are stored: (length, kv_heads, head_dim), keys after rope.
  std::span<const float> keys(size_t layer) const { return cache_[layer].k; }
  std::span<const float> values(size_t layer) const { return cache_[layer].v; }

  void reset() { rewind(0); }

  // Runs `token` at `position` <= length() and forgets what the cache held from there on. Returns (vocabulary) logits,
  // or nothing where they are not wanted. A token outside the vocabulary embeds as zeros.
  std::vector<float> forward(uint32_t token, uint32_t position, bool want_logits = true) {
    PUMICE_CHECK(position <= length_);
    rewind(position);
    const uint32_t tokens[1] = {token};
    std::vector<float> x = embedding(weight("token_embd.weight"), spec_.vocabulary, spec_.width, tokens);
    for (float& value : x) value *= spec_.embedding_scale;
    const std::span<const float> positions = weight("position_embd.weight");
    for (size_t i = 0; i < x.size() && spec_.learned_positions; ++i) x[i] += positions[position * spec_.width + i];
    for (size_t i = 0; i < spec_.layers.size(); ++i) {
      const std::vector<float> before = x;
      const LayerSpec& layer = spec_.layers[i];
      if (layer.attention.heads) attention_block(i, position, x);
      if (layer.recurrence.kind != RecurrenceKind::kNone) recurrent_block(i, x);
      if (layer.feed_forward.width) feed_forward_block(i, layer.parallel ? before : x, x);
    }
    ++length_;
    if (!want_logits) return {};
    return logits_of(x);
  }

  // Takes tokens [first, first + count) out of the cache. Those behind them move to the positions that become free:
  // their keys are turned and rounded anew. turn = false leaves them as they are, which is wrong.
  void drop(size_t first, size_t count, bool turn = true) {
    PUMICE_CHECK(first + count <= length_ && format_.k_rotation == 1);
    for (size_t i = 0; i < cache_.size(); ++i) {
      const AttentionSpec& attention = spec_.layers[i].attention;
      const size_t row = attention.kv_width();
      const auto cut = [&](std::vector<float>& rows) {
        const auto at = rows.begin() + static_cast<std::ptrdiff_t>(first * row);
        rows.erase(at, at + static_cast<std::ptrdiff_t>(count * row));
      };
      cut(cache_[i].k);
      cut(cache_[i].v);
      if (!turn) continue;
      std::vector<float> kept(cache_[i].k.begin() + static_cast<std::ptrdiff_t>(first * row), cache_[i].k.end());
      turn_heads(kept, spec_.layers[i], -static_cast<double>(count));
      cache_[i].k.resize(first * row);
      append_rounded(cache_[i].k, kept, format_.k, attention.head_dim);
    }
    length_ -= count;
  }

  // Runs all of `tokens` after what the cache holds and returns the logits after the last.
  std::vector<float> prefill(std::span<const uint32_t> tokens) {
    std::vector<float> logits;
    for (size_t i = 0; i < tokens.size(); ++i) {
      logits = forward(tokens[i], static_cast<uint32_t>(length_), i + 1 == tokens.size());
    }
    return logits;
  }

  // The `count` most likely tokens one after the other, from an empty cache.
  std::vector<uint32_t> generate_greedy(std::span<const uint32_t> prompt, size_t count) {
    reset();
    std::vector<float> logits = prefill(prompt);
    std::vector<uint32_t> ids;
    while (ids.size() < count) {
      ids.push_back(argmax(logits));
      if (ids.size() < count) logits = forward(ids.back(), static_cast<uint32_t>(length_));
    }
    return ids;
  }

 private:
  struct LayerCache {
    std::vector<float> k, v;
  };

  DecoderReference() = default;

  void rewind(size_t tokens) {
    for (size_t i = 0; i < cache_.size(); ++i) {
      const size_t row = spec_.layers[i].attention.kv_width();
      cache_[i].k.resize(tokens * row);
      cache_[i].v.resize(tokens * row);
      if (spec_.layers[i].recurrence.kind != RecurrenceKind::kNone)
        states_[i].erase(states_[i].begin() + static_cast<std::ptrdiff_t>(tokens) + 1, states_[i].end());
    }
    length_ = tokens;
  }

  std::vector<float> logits_of(std::span<const float> x) const {
    const std::vector<float> n = norm(spec_.output_norm, x);
    const bool tied = weight("output.weight").empty();
    std::vector<float> logits = matvec({.x = n,
                                        .w = weight(tied ? "token_embd.weight" : "output.weight"),
                                        .rows = spec_.vocabulary,
                                        .cols = spec_.width});
    const std::span<const float> bias = weight("output.bias");
    for (size_t i = 0; i < logits.size(); ++i) {
      logits[i] = logits[i] * spec_.logit_scale + (bias.empty() ? 0.0f : bias[i]);
      if (spec_.logit_softcap != 0) logits[i] = spec_.logit_softcap * std::tanh(logits[i] / spec_.logit_softcap);
    }
    return logits;
  }

  std::string named(size_t layer, const std::string& name) const { return "blk." + std::to_string(layer) + "." + name; }

  // By the tensors `name`.weight and, if there is one, .bias.
  std::vector<float> norm(const std::string& name, std::span<const float> x) const {
    double mean = 0;
    for (const float value : x) mean += static_cast<double>(value) / static_cast<double>(x.size());
    std::vector<float> centred(x.begin(), x.end());
    if (spec_.norm_kind == NormKind::kLayer)
      for (float& value : centred) value = static_cast<float>(static_cast<double>(value) - mean);
    std::vector<float> y = rms_norm(centred, weight(name + ".weight"), spec_.norm_eps);
    const std::span<const float> bias = weight(name + ".bias");
    for (size_t i = 0; i < bias.size(); ++i) y[i] += bias[i];
    return y;
  }

  // norm(x), or x where there is no norm.
  std::vector<float> normed(size_t layer, const std::string& name, std::span<const float> x) const {
    if (name.empty()) return {x.begin(), x.end()};
    return norm(named(layer, name), x);
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

  void add_branch(size_t layer, const std::string& post_norm, std::span<const float> branch, std::vector<float>& x) {
    const std::vector<float> added = normed(layer, post_norm, branch);
    for (size_t i = 0; i < x.size(); ++i) x[i] += spec_.layers[layer].residual_scale * added[i];
  }

  void turn_heads(std::span<float> heads, const LayerSpec& layer, double position) const {
    const RopeSpec& spec = spec_.rope(layer);
    const RopePairing pairing = spec.pairs == RopePairs::kHalves ? RopePairing::kHalf : RopePairing::kAdjacent;
    const size_t length = layer.attention.head_dim;
    rope(heads, heads.size() / length, length, position, pairing, spec.radians_for(context_tokens_));
  }

  // As queries and keys are before the magnitude of the rotation goes to the queries alone.
  void prepare_heads(size_t layer, const char* norm, std::span<float> heads, double position) const {
    const AttentionSpec& attention = spec_.layers[layer].attention;
    if (attention.qk_norm != QkNorm::kNone) {
      const std::vector<float> n = rms_norm(heads, weight(named(layer, norm)), spec_.norm_eps);
      std::copy(n.begin(), n.end(), heads.begin());
    }
    turn_heads(heads, spec_.layers[layer], position);
  }

  void scale_queries(size_t layer, std::span<float> q, uint32_t position) const {
    const AttentionSpec& attention = spec_.layers[layer].attention;
    const RopeSpec& spec = spec_.rope(spec_.layers[layer]);
    const double steps = std::floor(position / attention.temperature_length) + 1;
    const double temperature = 1 + static_cast<double>(attention.temperature) * std::log(steps);
    for (size_t i = 0; i < q.size(); ++i) {
      const bool rotated = i % attention.head_dim < spec.rotary;
      q[i] *= static_cast<float>(temperature * (rotated ? spec.magnitude * spec.magnitude : 1));
    }
  }

  static void append_rounded(std::vector<float>& cache, std::span<const float> rows, KvType type, size_t head_dim) {
    for (size_t at = 0; at < rows.size(); at += head_dim) {
      const KvHead head = pack_head(type, rows.subspan(at, head_dim));
      for (size_t d = 0; d < head_dim; ++d) cache.push_back(head.value(d));
    }
  }

  // Of attn_q: of each head its queries, then the gate of its results.
  static size_t gate_row(const AttentionSpec& spec, size_t i) {
    return i / spec.head_dim * 2 * spec.head_dim + spec.head_dim + i % spec.head_dim;
  }

  void recurrent_block(size_t layer, std::vector<float>& x) {
    const LayerSpec& spec = spec_.layers[layer];
    const std::vector<float> n = normed(layer, spec.attention_norm, x);
    const RecurrentLayer block(
        spec.recurrence, static_cast<double>(spec_.norm_eps),
        [&](const std::string& name) { return weight(named(layer, name)); },
        [&](const std::string& name, size_t rows) { return project(layer, name, n, 0, rows); });
    RecurrentState state = states_[layer].back();
    const std::vector<float> y = block.forward(state);
    states_[layer].push_back(std::move(state));
    const bool gates = spec.recurrence.kind == RecurrenceKind::kShortConv;
    add_branch(layer, spec.attention_post_norm,
               project(layer, gates ? "shortconv.out_proj" : "ssm_out", y, 0, spec_.width), x);
  }

  void attention_block(size_t layer, uint32_t position, std::vector<float>& x) {
    const LayerSpec& spec = spec_.layers[layer];
    const AttentionSpec& c = spec.attention;
    LayerCache& cache = cache_[layer];
    const std::vector<float> n = normed(layer, spec.attention_norm, x);
    const bool fused = !weight(named(layer, "attn_qkv.weight")).empty();
    const size_t q_rows = c.q_width(), kv_rows = c.kv_width();
    std::vector<float> q;
    if (!c.gated) q = project(layer, fused ? "attn_qkv" : "attn_q", n, 0, q_rows);
    for (size_t i = 0; i < q_rows && c.gated; ++i)
      q.push_back(project(layer, "attn_q", n, gate_row(c, i) - c.head_dim, 1)[0]);
    std::vector<float> k = project(layer, fused ? "attn_qkv" : "attn_k", n, fused ? q_rows : 0, kv_rows);
    std::vector<float> v = project(layer, fused ? "attn_qkv" : "attn_v", n, fused ? q_rows + kv_rows : 0, kv_rows);
    prepare_heads(layer, "attn_q_norm.weight", q, position);
    prepare_heads(layer, "attn_k_norm.weight", k, position);
    scale_queries(layer, q, position);
    hadamard(q, format_.k_rotation);
    hadamard(k, format_.k_rotation);
    hadamard(v, format_.v_rotation);
    append_rounded(cache.k, k, format_.k, c.head_dim);
    append_rounded(cache.v, v, format_.v, c.head_dim);
    const uint32_t positions[1] = {position};
    std::vector<float> merged =
        attention({.q = q,
                   .positions = positions,
                   .k = {cache.k},
                   .v = {cache.v},
                   .heads = c.heads,
                   .kv_heads = c.kv_heads,
                   .head_dim = c.head_dim,
                   .scale = c.scale,
                   .window = c.window,
                   .softcap = c.softcap,
                   .sinks = c.sinks ? weight(named(layer, "attn_sinks.weight")) : std::span<const float>()});
    hadamard(merged, format_.v_rotation);
    if (c.gated)
      for (size_t i = 0; i < merged.size(); ++i)
        merged[i] /= 1 + std::exp(-project(layer, "attn_q", n, gate_row(c, i), 1)[0]);
    add_branch(layer, spec.attention_post_norm, project(layer, "attn_output", merged, 0, spec_.width), x);
  }

  std::vector<float> activated(const FeedForwardSpec& spec, std::span<const float> gate,
                               std::span<const float> up) const {
    if (spec.activation == pumice::Activation::kClamped)
      return clamped_gate(gate, up, static_cast<double>(spec.activation_limit));
    const bool gelu = spec.activation == pumice::Activation::kGelu;
    return gated_activation(gelu ? Activation::kGelu : Activation::kSilu, gate, up);
  }

  // Rows [at * rows, (at + 1) * rows) of gate and up, and as many of down.
  std::vector<float> expert(size_t layer, const std::string& suffix, std::span<const float> n, size_t at,
                            size_t rows) const {
    const std::vector<float> gate = project(layer, "ffn_gate" + suffix, n, at * rows, rows);
    const std::vector<float> up = project(layer, "ffn_up" + suffix, n, at * rows, rows);
    const std::vector<float> hidden = activated(spec_.layers[layer].feed_forward, gate, up);
    return project(layer, "ffn_down" + suffix, hidden, at * spec_.width, spec_.width);
  }

  std::vector<float> mixture(size_t layer, std::span<const float> n) const {
    const FeedForwardSpec& spec = spec_.layers[layer].feed_forward;
    const MixtureSpec& m = spec.mixture;
    const std::vector<float> logits = project(layer, "ffn_gate_inp", n, 0, m.experts);
    std::vector<float> sum(spec_.width, 0.0f);
    for (const Choice& choice : route({.logits = logits,
                                       .bias = weight(named(layer, "exp_probs_b.bias")),
                                       .used = m.used,
                                       .gating = static_cast<RouteArgs::Gating>(m.gating),
                                       .normalised = m.normalised,
                                       .scale = static_cast<double>(m.scale)})) {
      const std::vector<float> one = expert(layer, "_exps", n, choice.expert, spec.width);
      for (size_t i = 0; i < sum.size(); ++i) sum[i] += static_cast<float>(choice.weight * static_cast<double>(one[i]));
    }
    if (m.shared_width == 0) return sum;
    const std::vector<float> shared = expert(layer, "_shexp", n, 0, m.shared_width);
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += shared[i];
    return sum;
  }

  // Of `input`, added to x.
  void feed_forward_block(size_t layer, std::span<const float> input, std::vector<float>& x) {
    const LayerSpec& spec = spec_.layers[layer];
    const size_t rows = spec.feed_forward.width;
    const bool shared = spec.parallel && spec.ffn_norm.empty();
    const std::vector<float> n = normed(layer, shared ? spec.attention_norm : spec.ffn_norm, input);
    if (spec.feed_forward.mixture.experts) return add_branch(layer, spec.ffn_post_norm, mixture(layer, n), x);
    if (!spec.feed_forward.gated) {
      std::vector<float> hidden = project(layer, "ffn_up", n, 0, rows);
      for (float& value : hidden)
        value = spec.feed_forward.activation == pumice::Activation::kGelu
                    ? static_cast<float>(gelu(static_cast<double>(value)))
                    : std::max(value, 0.0f) * std::max(value, 0.0f);
      return add_branch(layer, spec.ffn_post_norm, project(layer, "ffn_down", hidden, 0, spec_.width), x);
    }
    const bool fused = weight(named(layer, "ffn_gate.weight")).empty();
    const std::vector<float> gate = project(layer, fused ? "ffn_up" : "ffn_gate", n, 0, rows);
    const std::vector<float> up = project(layer, "ffn_up", n, fused ? rows : 0, rows);
    const std::vector<float> hidden = activated(spec.feed_forward, gate, up);
    add_branch(layer, spec.ffn_post_norm, project(layer, "ffn_down", hidden, 0, spec_.width), x);
  }

  ModelSpec spec_;
  CacheFormat format_;
  uint32_t context_tokens_ = 0;
  std::map<std::string, std::vector<float>> weights_;
  std::vector<LayerCache> cache_;
  std::vector<std::vector<RecurrentState>> states_;  // by layer, after every number of tokens
  size_t length_ = 0;
};

}  // namespace pumice::reference
