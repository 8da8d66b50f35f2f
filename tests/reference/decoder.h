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
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "argmax.h"
#include "attention.h"
#include "base/result.h"
#include "decoder_tensors.h"
#include "embedding.h"
#include "format/gguf.h"
#include "hadamard.h"
#include "kv_pages.h"
#include "recurrent_layer.h"
#include "rope.h"
#include "support/whole_gguf.h"

namespace pumice::reference {

// How keys and values are rounded, and in which Hadamard blocks (1: none) they are then.
struct CacheFormat {
  KvType k = KvType::kF32, v = KvType::kF32;
  size_t k_rotation = 1, v_rotation = 1;
};

class DecoderReference : public DecoderFeedForward {
 public:
  static Result<DecoderReference> load(const std::string& path) {
    PUMICE_ASSIGN(const Gguf file, test::whole_gguf(path));
    return from_gguf(file);
  }

  // context_tokens: decides between two tables of rotation where there are two.
  static Result<DecoderReference> from_gguf(const Gguf& file, const CacheFormat& format = {},
                                            uint32_t context_tokens = 0) {
    DecoderReference model;
    model.format_ = format;
    model.context_tokens_ = context_tokens;
    PUMICE_TRY(model.read(file));
    model.cache_.resize(model.spec_.layers.size());
    for (const LayerSpec& layer : model.spec_.layers) model.states_.emplace_back(1, RecurrentState(layer.recurrence));
    return model;
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
    if (!spec_.embedding_norm.empty()) x = norm(spec_.embedding_norm, x);
    const std::vector<float> inputs = spec_.per_layer_width ? per_layer_inputs(token, x) : std::vector<float>();
    const std::vector<float> skip = x;
    for (size_t i = 0; i < spec_.layers.size(); ++i) {
      const std::vector<float> before = x;
      const LayerSpec& layer = spec_.layers[i];
      if (layer.attention.heads) attention_block(i, position, x);
      if (layer.recurrence.kind != RecurrenceKind::kNone) recurrent_block(i, layer.has_both() ? before : x, x);
      if (layer.feed_forward.width) feed_forward_block(i, before, x);
      per_layer_block(i, inputs, x);
      for (size_t j = 0; j < x.size() && spec_.embedding_skip; ++j)
        x[j] += weight(named(i, "layer_output_scale.weight"))[0] * skip[j];
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
      const AttentionSpec& attention = spec_.layers[i].attention;
      const bool latent = attention.latent.key_rank != 0;
      cache_[i].k.resize(tokens * (latent ? attention.q_columns() : attention.kv_width()));
      cache_[i].v.resize(tokens * (latent ? attention.result_width() : attention.value_width()));
      if (spec_.layers[i].recurrence.kind != RecurrenceKind::kNone)
        states_[i].erase(states_[i].begin() + static_cast<std::ptrdiff_t>(tokens) + 1, states_[i].end());
    }
    length_ = tokens;
  }

  std::vector<float> logits_of(std::span<const float> x) const {
    const std::vector<float> n = spec_.output_norm == kBareNorm ? norm(x, {}) : norm(spec_.output_norm, x);
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
    if (!attention.norm_after_rope) norm_heads(layer, norm, heads);
    turn_heads(heads, spec_.layers[layer], position);
    if (attention.norm_after_rope) norm_heads(layer, norm, heads);
  }

  void norm_heads(size_t layer, const char* name, std::span<float> heads) const {
    const AttentionSpec& attention = spec_.layers[layer].attention;
    if (attention.qk_norm == QkNorm::kNone) return;
    const bool gains = attention.qk_norm == QkNorm::kGain;
    const std::span<const float> gain = gains ? weight(named(layer, name)) : std::span<const float>();
    const size_t length = attention.qk_norm == QkNorm::kWhole ? heads.size() : attention.head_dim;
    const std::span<const float> weights =
        attention.qk_norm == QkNorm::kBare || gains ? std::span<const float>() : weight(named(layer, name));
    for (size_t at = 0; at < heads.size(); at += length) {
      const size_t own = attention.qk_norm == QkNorm::kEachHead ? at : 0;
      const std::vector<float> n =
          norm(heads.subspan(at, length), weights.empty() ? weights : weights.subspan(own, length));
      for (size_t i = 0; i < length; ++i) heads[at + i] = gain.empty() ? n[i] : n[i] * gain[at / length];
    }
  }

  static void clip(std::vector<float>& values, float limit) {
    for (float& value : values)
      if (limit != 0) value = std::clamp(value, -limit, limit);
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

  // Of `input`, added to x.
  void recurrent_block(size_t layer, std::span<const float> input, std::vector<float>& x) {
    const LayerSpec& spec = spec_.layers[layer];
    const std::vector<float> n = normed(layer, spec.attention_norm, input);
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

  void append_keys_and_values(size_t layer, std::span<const float> n, uint32_t position) {
    const AttentionSpec& c = spec_.layers[layer].attention;
    const bool fused = !weight(named(layer, "attn_qkv.weight")).empty();
    const bool keys_are_values = !fused && weight(named(layer, "attn_v.weight")).empty();
    const size_t q_rows = c.q_width(), kv_rows = c.kv_width(), v_rows = c.value_width();
    std::vector<float> k = project(layer, fused ? "attn_qkv" : "attn_k", n, fused ? q_rows : 0, kv_rows);
    std::vector<float> v =
        keys_are_values ? k : project(layer, fused ? "attn_qkv" : "attn_v", n, fused ? q_rows + kv_rows : 0, v_rows);
    for (std::vector<float>* values : {&k, &v}) clip(*values, c.clip);
    prepare_heads(layer, "attn_k_norm.weight", k, position);
    if (c.v_norm) v = rms_norm(v, std::vector<float>(c.head_dim, 1.0f), spec_.norm_eps);
    hadamard(k, format_.k_rotation);
    hadamard(v, format_.v_rotation);
    append_rounded(cache_[layer].k, k, format_.k, c.head_dim);
    append_rounded(cache_[layer].v, v, format_.v, c.value_dim ? c.value_dim : c.head_dim);
  }

  // The rotated dimensions of heads of latent attention, which come last in them.
  void turn_latent(size_t layer, std::span<float> heads, size_t head, uint32_t position) const {
    const AttentionSpec& c = spec_.layers[layer].attention;
    const size_t rotary = c.head_dim - c.latent.key_rank;
    const RopeSpec& spec = spec_.rope(spec_.layers[layer]);
    const RopePairing pairing = spec.pairs == RopePairs::kHalves ? RopePairing::kHalf : RopePairing::kAdjacent;
    for (size_t at = 0; at < heads.size(); at += head)
      rope(heads.subspan(at + head - rotary, rotary), 1, rotary, position, pairing, spec.radians_for(context_tokens_));
  }

  // Keys and values of all heads as they are before anything is absorbed.
  void append_latent(size_t layer, std::span<const float> n, uint32_t position) {
    const AttentionSpec& c = spec_.layers[layer].attention;
    const LatentSpec& latent = c.latent;
    const size_t rotary = c.head_dim - latent.key_rank;
    const std::vector<float> down = project(layer, "attn_kv_a_mqa", n, 0, latent.key_rank + rotary);
    const std::vector<float> row =
        norm(std::span(down).first(latent.key_rank), weight(named(layer, "attn_kv_a_norm.weight")));
    std::vector<float> turned(down.begin() + latent.key_rank, down.end());
    turn_latent(layer, turned, rotary, position);
    const std::span<const float> key_up = weight(named(layer, "attn_k_b.weight"));
    const size_t both = latent.plain + latent.value;
    std::vector<float>&k = cache_[layer].k, &v = cache_[layer].v;
    for (size_t head = 0; head < c.heads; ++head) {
      if (key_up.empty()) {  // a matrix of both
        const std::vector<float> keys = project(layer, "attn_kv_b", row, head * both, latent.plain);
        const std::vector<float> values = project(layer, "attn_kv_b", row, head * both + latent.plain, latent.value);
        k.insert(k.end(), keys.begin(), keys.end());
        v.insert(v.end(), values.begin(), values.end());
      }
      for (size_t i = 0; i < latent.plain && !key_up.empty(); ++i) {
        double sum = 0;
        for (size_t j = 0; j < latent.key_rank; ++j)
          sum += static_cast<double>(row[j]) * key_up[(head * latent.key_rank + j) * latent.plain + i];
        k.push_back(static_cast<float>(sum));
      }
      k.insert(k.end(), turned.begin(), turned.end());
    }
    if (key_up.empty()) return;
    const std::vector<float> values = project(layer, "attn_v_b", row, 0, c.result_width());
    v.insert(v.end(), values.begin(), values.end());
  }

  std::vector<float> latent_attention(size_t layer, std::span<const float> n, uint32_t position) {
    const AttentionSpec& c = spec_.layers[layer].attention;
    std::vector<float> down(n.begin(), n.end());
    if (c.latent.query_rank)
      down = norm(project(layer, "attn_q_a", n, 0, c.latent.query_rank), weight(named(layer, "attn_q_a_norm.weight")));
    std::vector<float> q = project(layer, c.latent.query_rank ? "attn_q_b" : "attn_q", down, 0, c.q_columns());
    turn_latent(layer, q, c.latent_head(), position);
    const double temperature =
        1 + static_cast<double>(c.temperature) * std::log(std::floor(position / c.temperature_length) + 1);
    for (float& value : q) value *= static_cast<float>(temperature);
    append_latent(layer, n, position);
    const uint32_t positions[1] = {position};
    return attention({.q = q,
                      .positions = positions,
                      .k = {cache_[layer].k},
                      .v = {cache_[layer].v},
                      .heads = c.heads,
                      .kv_heads = c.heads,
                      .head_dim = c.latent_head(),
                      .value_dim = c.latent.value,
                      .scale = c.scale});
  }

  void attention_block(size_t layer, uint32_t position, std::vector<float>& x) {
    const LayerSpec& spec = spec_.layers[layer];
    const std::vector<float> n = normed(layer, spec.attention_norm, x);
    const std::vector<float> heads =
        spec.attention.latent.key_rank ? latent_attention(layer, n, position) : plain_attention(layer, n, position);
    add_branch(layer, spec.attention_post_norm, project(layer, "attn_output", heads, 0, spec_.width), x);
  }

  std::vector<float> plain_attention(size_t layer, std::span<const float> n, uint32_t position) {
    const AttentionSpec& c = spec_.layers[layer].attention;
    LayerCache& cache = cache_[c.cache_layer.value_or(static_cast<uint32_t>(layer))];
    const bool fused = !weight(named(layer, "attn_qkv.weight")).empty();
    std::vector<float> q =
        c.gate_in_q ? every_second_head(layer, n, 0) : project(layer, fused ? "attn_qkv" : "attn_q", n, 0, c.q_width());
    clip(q, c.clip);
    prepare_heads(layer, "attn_q_norm.weight", q, position);
    scale_queries(layer, q, position);
    hadamard(q, format_.k_rotation);
    if (!c.cache_layer) append_keys_and_values(layer, n, position);
    const std::vector<float> slopes = c.alibi != 0 ? alibi_slopes(c.heads, c.alibi) : std::vector<float>();
    const uint32_t positions[1] = {position};
    std::vector<float> merged =
        attention({.q = q,
                   .positions = positions,
                   .k = {cache.k},
                   .v = {cache.v},
                   .heads = c.heads,
                   .kv_heads = c.kv_heads,
                   .head_dim = c.head_dim,
                   .value_dim = c.value_dim,
                   .scale = c.scale,
                   .window = c.window,
                   .chunks = c.chunks,
                   .softcap = c.softcap,
                   .slopes = slopes,
                   .sinks = c.sinks ? weight(named(layer, "attn_sinks.weight")) : std::span<const float>()});
    hadamard(merged, format_.v_rotation);
    gate_heads(layer, n, merged);
    return merged;
  }

  // Added to x; `before`: x before the attention block.
  void feed_forward_block(size_t layer, const std::vector<float>& before, std::vector<float>& x) {
    const LayerSpec& spec = spec_.layers[layer];
    const std::vector<float>& input = spec.parallel ? before : x;
    if (spec.feed_forward.mixture.own_norms)
      return add_branch(layer, spec.ffn_post_norm, normed_mixture(layer, input), x);
    const bool shared = spec.parallel && spec.ffn_norm.empty();
    const std::vector<float> n = normed(layer, shared ? spec.attention_norm : spec.ffn_norm, input);
    add_branch(layer, spec.ffn_post_norm, feed_forward(layer, before, n), x);
  }

  void per_layer_block(size_t layer, std::span<const float> inputs, std::vector<float>& x) {
    const size_t width = spec_.per_layer_width;
    if (width != 0) {
      std::vector<float> gate = project(layer, "inp_gate", x, 0, width);
      for (size_t i = 0; i < width; ++i)
        gate[i] = static_cast<float>(gelu(static_cast<double>(gate[i])) * inputs[layer * width + i]);
      add_branch(layer, "post_norm", project(layer, "proj", gate, 0, spec_.width), x);
    }
    if (spec_.layers[layer].output_scale)
      for (float& value : x) value *= weight(named(layer, "layer_output_scale.weight"))[0];
  }

  CacheFormat format_;
  uint32_t context_tokens_ = 0;
  std::vector<LayerCache> cache_;
  std::vector<std::vector<RecurrentState>> states_;  // by layer, after every number of tokens
  size_t length_ = 0;
};

}  // namespace pumice::reference
