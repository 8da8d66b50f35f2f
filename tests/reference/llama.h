// LlamaReference: the whole forward pass of a `llama` model on the CPU, one token at a time, with a KV cache of F32 or
// rounded as the device's is.
//
// Per layer: x += W_o attention(rope(W_q n), rope(W_k n), W_v n) with n = rms_norm(x), then
// x += W_down (silu(W_gate m) * (W_up m)) with m = rms_norm(x); logits = W_out rms_norm(x). Adjacent rope pairs.
// Sources: H. Touvron et al., LLaMA: Open and Efficient Foundation Language Models (2023); the GGUF specification.
// Ownership: holds float copies of all weights (4 bytes per parameter); the file closes after loading.
// Thread rule: one thread at a time.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "activation.h"
#include "argmax.h"
#include "attention.h"
#include "base/result.h"
#include "embedding.h"
#include "format/gguf.h"
#include "hadamard.h"
#include "kv_pages.h"
#include "llama_config.h"
#include "llama_weights.h"
#include "matvec.h"
#include "rms_norm.h"
#include "rope.h"

namespace pumice::reference {

// How keys and values are rounded, and in which Hadamard blocks (1: none) they are then.
struct CacheFormat {
  KvType k = KvType::kF32, v = KvType::kF32;
  size_t k_rotation = 1, v_rotation = 1;
};

class LlamaReference {
 public:
  static Result<LlamaReference> load(const std::string& path) {
    PUMICE_ASSIGN(const Gguf file, Gguf::open(path));
    return from_gguf(file);
  }

  static Result<LlamaReference> from_gguf(const Gguf& file, const CacheFormat& format = {}) {
    LlamaReference model;
    model.format_ = format;
    PUMICE_ASSIGN(model.config_, read_llama_config(file));
    PUMICE_ASSIGN(model.weights_, load_llama_weights(file, model.config_));
    const LlamaConfig& c = model.config_;
    model.frequencies_ = inverse_frequencies(c.rotary, c.rope_base, c.rope_linear_scale, model.weights_.freq_factors);
    if (c.yarn) apply_yarn(model.frequencies_, c.rope_base, *c.yarn);
    model.cache_.resize(c.layers);
    return model;
  }

  const LlamaConfig& config() const { return config_; }
  const LlamaWeights& weights() const { return weights_; }
  size_t length() const { return length_; }  // tokens in the cache

  // Dense keys and values of a layer as they are stored: (length, kv_heads, key_length) after rope, (length, kv_heads,
  // value_length).
  std::span<const float> keys(size_t layer) const { return cache_[layer].k; }
  std::span<const float> values(size_t layer) const { return cache_[layer].v; }

  void reset() { rewind(0); }

  // Runs `token` at `position` <= length() and forgets what the cache held from there on. Returns (vocab) logits, or
  // nothing where they are not wanted. A token outside the vocabulary embeds as zeros.
  std::vector<float> forward(uint32_t token, uint32_t position, bool want_logits = true) {
    PUMICE_CHECK(position <= length_);
    rewind(position);
    const uint32_t tokens[1] = {token};
    std::vector<float> x = embedding(weights_.embedding, config_.vocab, config_.width, tokens);
    for (size_t i = 0; i < config_.layers; ++i) {
      x = attention_block(weights_.layers[i], cache_[i], x, position);
      x = feed_forward_block(weights_.layers[i], x);
    }
    ++length_;
    if (!want_logits) return {};
    return matvec({.x = x,
                   .w = weights_.output.empty() ? weights_.embedding : weights_.output,
                   .rows = config_.vocab,
                   .cols = config_.width,
                   .norm_weight = weights_.output_norm,
                   .eps = config_.norm_eps});
  }

  // Takes tokens [first, first + count) out of the cache. Those behind them move to the positions that become free:
  // their keys are turned and rounded anew. turn = false leaves them as they are, which is wrong.
  void drop(size_t first, size_t count, bool turn = true) {
    PUMICE_CHECK(first + count <= length_ && format_.k_rotation == 1);
    const auto cut = [&](std::vector<float>& rows, size_t row) {
      const auto at = rows.begin() + static_cast<std::ptrdiff_t>(first * row);
      rows.erase(at, at + static_cast<std::ptrdiff_t>(count * row));
    };
    const size_t row = config_.kv_heads * config_.key_length;
    for (LayerCache& layer : cache_) {
      cut(layer.k, row);
      cut(layer.v, config_.kv_heads * config_.value_length);
      if (!turn) continue;
      std::vector<float> kept(layer.k.begin() + static_cast<std::ptrdiff_t>(first * row), layer.k.end());
      rope(kept, kept.size() / config_.key_length, config_.key_length, -static_cast<double>(count),
           RopePairing::kAdjacent, frequencies_);
      layer.k.resize(first * row);
      append_rounded(layer.k, kept, format_.k, config_.key_length);
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
    std::vector<float> k;
    std::vector<float> v;
  };

  LlamaReference() = default;

  void rewind(size_t tokens) {
    for (LayerCache& layer : cache_) {
      layer.k.resize(tokens * config_.kv_heads * config_.key_length);
      layer.v.resize(tokens * config_.kv_heads * config_.value_length);
    }
    length_ = tokens;
  }

  std::vector<float> project(std::span<const float> x, std::span<const float> w, size_t rows,
                             std::span<const float> bias) const {
    return matvec({.x = x, .w = w, .rows = rows, .cols = config_.width, .bias = bias});
  }

  void rotate(std::span<float> heads, double position) const {
    const size_t length = config_.key_length;
    rope(heads, heads.size() / length, length, position, RopePairing::kAdjacent, frequencies_);
    for (size_t i = 0; i < heads.size(); ++i)
      if (i % length < config_.rotary) heads[i] *= static_cast<float>(config_.rope_magnitude);
  }

  static void append_rounded(std::vector<float>& cache, std::span<const float> rows, KvType type, size_t head_dim) {
    for (size_t at = 0; at < rows.size(); at += head_dim) {
      const KvHead head = pack_head(type, rows.subspan(at, head_dim));
      for (size_t d = 0; d < head_dim; ++d) cache.push_back(head.value(d));
    }
  }

  std::vector<float> attention_block(const LlamaLayer& l, LayerCache& cache, std::span<const float> x,
                                     uint32_t position) const {
    const LlamaConfig& c = config_;
    const std::vector<float> n = rms_norm(x, l.attn_norm, c.norm_eps);
    std::vector<float> q = project(n, l.q, c.heads * c.key_length, l.q_bias);
    std::vector<float> k = project(n, l.k, c.kv_heads * c.key_length, l.k_bias);
    std::vector<float> v = project(n, l.v, c.kv_heads * c.value_length, l.v_bias);
    rotate(q, position);
    rotate(k, position);
    hadamard(q, format_.k_rotation);
    hadamard(k, format_.k_rotation);
    hadamard(v, format_.v_rotation);
    append_rounded(cache.k, k, format_.k, c.key_length);
    append_rounded(cache.v, v, format_.v, c.value_length);
    const uint32_t positions[1] = {position};
    std::vector<float> merged = attention({.q = q,
                                           .positions = positions,
                                           .k = {cache.k},
                                           .v = {cache.v},
                                           .heads = c.heads,
                                           .kv_heads = c.kv_heads,
                                           .head_dim = c.key_length,
                                           .value_dim = c.value_length,
                                           .scale = c.attention_scale});
    hadamard(merged, format_.v_rotation);
    return matvec({.x = merged,
                   .w = l.output,
                   .rows = c.width,
                   .cols = c.heads * c.value_length,
                   .bias = l.output_bias,
                   .residual = x});
  }

  std::vector<float> feed_forward_block(const LlamaLayer& l, std::span<const float> x) const {
    const LlamaConfig& c = config_;
    const std::vector<float> hidden = gate_up({.x = x,
                                               .gate = l.gate,
                                               .up = l.up,
                                               .rows = c.feed_forward,
                                               .cols = c.width,
                                               .norm_weight = l.ffn_norm,
                                               .eps = c.norm_eps,
                                               .activation = Activation::kSilu});
    return matvec({.x = hidden, .w = l.down, .rows = c.width, .cols = c.feed_forward, .residual = x});
  }

  LlamaConfig config_;
  CacheFormat format_;
  LlamaWeights weights_;
  std::vector<double> frequencies_;
  std::vector<LayerCache> cache_;
  size_t length_ = 0;
};

}  // namespace pumice::reference
