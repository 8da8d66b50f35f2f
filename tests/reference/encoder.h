// EncoderReference: hidden rows of a whole text on the CPU as its ModelSpec says, every product and sum a double.
//
// Sources: those of the families (runtime/model/families). Ownership: holds float copies of all weights; the file
// closes after loading. Thread rule: const after loading.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "attention.h"
#include "decoder_tensors.h"
#include "rope.h"

namespace pumice::reference {

class EncoderReference : public DecoderFeedForward {
 public:
  static Result<EncoderReference> from_gguf(const Gguf& file) {
    EncoderReference model;
    PUMICE_TRY(model.read(file));
    return model;
  }
  // The encoder of a model that translates.
  static Result<EncoderReference> encoder_of(const Gguf& file) {
    EncoderReference model;
    PUMICE_ASSIGN(ModelSpec spec, describe(file));
    PUMICE_TRY(model.read(file, spec.encoder[0]));
    return model;
  }

  // (tokens, width), with the last norm.
  std::vector<std::vector<float>> rows(std::span<const int32_t> ids) const {
    std::vector<std::vector<float>> x;
    for (size_t i = 0; i < ids.size(); ++i) x.push_back(embed(static_cast<uint32_t>(ids[i]), i));
    for (size_t layer = 0; layer < spec_.layers.size(); ++layer) {
      const LayerSpec& spec = spec_.layers[layer];
      const std::vector<std::vector<float>> heads = attend_all(layer, x);
      for (size_t i = 0; i < x.size(); ++i) {
        add(x[i], project(layer, spec.attention.names.output, heads[i], 0, spec_.width), layer,
            spec.attention_post_norm);
        x[i] = normed(layer, spec.attention_sum_norm, x[i]);
        add(x[i], feed_forward(layer, x[i], normed(layer, spec.ffn_norm, x[i])), layer, spec.ffn_post_norm);
        x[i] = normed(layer, spec.ffn_sum_norm, x[i]);
      }
    }
    if (!spec_.output_norm.empty())
      for (std::vector<float>& row : x) row = norm(spec_.output_norm, row);
    return x;
  }

  // What the layers behind the pooling make of a vector.
  std::vector<float> pooled(std::vector<float> x) const {
    for (const PooledLayerSpec& layer : spec_.pooled) {
      x = matvec({.x = x,
                  .w = weight(layer.name + ".weight"),
                  .rows = layer.rows,
                  .cols = layer.cols,
                  .bias = weight(layer.name + ".bias")});
      for (float& value : x)
        value = layer.form == PooledForm::kTanh ? std::tanh(value)
                : layer.form == PooledForm::kGelu
                    ? static_cast<float>(value * 0.5 * (1 + std::erf(value / std::sqrt(2.0))))
                    : value;
      if (!layer.norm.empty()) x = norm(layer.norm, x);
    }
    return x;
  }

 private:
  std::vector<float> embed(uint32_t token, size_t position) const {
    std::vector<float> x = embedded(token);
    const std::span<const float> positions = weight("position_embd.weight"), types = weight("token_types.weight");
    for (size_t i = 0; i < x.size(); ++i) {
      if (spec_.learned_positions) x[i] += positions[position * spec_.width + i];
      if (!types.empty()) x[i] += types[i];
    }
    return spec_.embedding_norm.empty() ? x : norm(spec_.embedding_norm, x);
  }

  void add(std::vector<float>& x, const std::vector<float>& branch, size_t layer, const std::string& post_norm) const {
    const std::vector<float> added = normed(layer, post_norm, branch);
    for (size_t i = 0; i < x.size(); ++i) x[i] += spec_.layers[layer].residual_scale * added[i];
  }

  // q, k or v of a row, by which of them: 0, 1, 2; turned.
  std::vector<float> heads_of(size_t layer, std::span<const float> n, size_t which, size_t position) const {
    const AttentionSpec& c = spec_.layers[layer].attention;
    const RopeSpec& turn = spec_.rope(spec_.layers[layer]);
    const char* const names[] = {"q", "k", "v"};
    const char* const norms[] = {"attn_q_norm.weight", "attn_k_norm.weight", ""};
    const size_t rows[] = {c.q_width(), c.kv_width(), c.kv_width()};
    const bool fused = !weight(named(layer, c.names.prefix + "qkv.weight")).empty();
    const size_t first = which == 0 ? 0 : rows[0] + (which == 2 ? rows[1] : 0);
    std::vector<float> heads =
        project(layer, c.names.prefix + (fused ? "qkv" : names[which]), n, fused ? first : 0, rows[which]);
    if (which == 2) return heads;
    for (size_t at = 0; at < heads.size() && c.qk_norm == QkNorm::kHead; at += c.head_dim) {
      const std::vector<float> one = norm(std::span(heads).subspan(at, c.head_dim), weight(named(layer, norms[which])));
      std::copy(one.begin(), one.end(), heads.begin() + static_cast<std::ptrdiff_t>(at));
    }
    if (turn.rotary != 0)
      rope(heads, heads.size() / c.head_dim, c.head_dim, static_cast<double>(position),
           turn.pairs == RopePairs::kHalves ? RopePairing::kHalf : RopePairing::kAdjacent, turn.radians);
    return heads;
  }

  std::vector<std::vector<float>> attend_all(size_t layer, const std::vector<std::vector<float>>& x) const {
    const AttentionSpec& c = spec_.layers[layer].attention;
    std::vector<float> all[3];
    std::vector<uint32_t> positions;
    for (size_t i = 0; i < x.size(); ++i) {
      const std::vector<float> n = normed(layer, spec_.layers[layer].attention_norm, x[i]);
      for (size_t which = 0; which < 3; ++which) {
        const std::vector<float> heads = heads_of(layer, n, which, i);
        all[which].insert(all[which].end(), heads.begin(), heads.end());
      }
      positions.push_back(static_cast<uint32_t>(i));
    }
    const std::vector<float> by_distance = biases();
    const std::vector<float> y = attention({.q = all[0],
                                            .positions = positions,
                                            .k = {all[1]},
                                            .v = {all[2]},
                                            .heads = c.heads,
                                            .kv_heads = c.kv_heads,
                                            .head_dim = c.head_dim,
                                            .scale = c.scale,
                                            .window = c.window,
                                            .both_ways = !spec_.causal,
                                            .biases = by_distance});
    std::vector<std::vector<float>> rows;
    for (size_t i = 0; i < x.size(); ++i)
      rows.emplace_back(y.begin() + static_cast<std::ptrdiff_t>(i * c.q_width()),
                        y.begin() + static_cast<std::ptrdiff_t>((i + 1) * c.q_width()));
    return rows;
  }
};

}  // namespace pumice::reference
