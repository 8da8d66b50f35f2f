// TranslationReference: an encoder and a decoder on the CPU, token by token, every product and sum a double.
//
// Ownership: holds float copies of all weights twice. Thread rule: const after loading.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "encoder.h"
#include "ssru.h"

namespace pumice::reference {

class TranslationReference : public DecoderFeedForward {
 public:
  static Result<TranslationReference> from_gguf(const Gguf& file) {
    TranslationReference model;
    PUMICE_TRY(model.read(file));
    PUMICE_ASSIGN(model.encoder_, EncoderReference::encoder_of(file));
    return model;
  }

  // Logits (tokens of the target + 1, vocabulary): after the start token, then after each of them.
  std::vector<std::vector<float>> logits(std::span<const int32_t> source, std::span<const int32_t> target) const {
    const std::vector<std::vector<float>> rows = encoder_.rows(source);
    std::vector<Memory> memory(spec_.layers.size());
    for (size_t layer = 0; layer < memory.size(); ++layer) {
      memory[layer].state.resize(spec_.width);
      for (const std::vector<float>& row : rows) append(layer, spec_.layers[layer].cross, row, memory[layer].source);
    }
    std::vector<std::vector<float>> all;
    for (size_t i = 0; i <= target.size(); ++i)
      all.push_back(step(i == 0 ? spec_.start_token : target[i - 1], i, memory));
    return all;
  }

 private:
  struct KeysValues {
    std::vector<float> k, v;
  };
  struct Memory {
    KeysValues own, source;
    std::vector<float> state;
  };

  void append(size_t layer, const AttentionSpec& by, std::span<const float> x, KeysValues& to) const {
    const std::vector<float> k = project(layer, by.names.prefix + "k", x, 0, by.kv_width());
    const std::vector<float> v = project(layer, by.names.prefix + "v", x, 0, by.kv_width());
    to.k.insert(to.k.end(), k.begin(), k.end());
    to.v.insert(to.v.end(), v.begin(), v.end());
  }

  std::vector<float> attend_to(size_t layer, const AttentionSpec& by, std::span<const float> x, const KeysValues& to,
                               std::span<const float> by_distance = {}) const {
    const uint32_t positions[1] = {static_cast<uint32_t>(to.k.size() / by.kv_width() - 1)};
    const std::vector<float> heads = attention({.q = project(layer, by.names.prefix + "q", x, 0, by.q_width()),
                                                .positions = positions,
                                                .k = {to.k},
                                                .v = {to.v},
                                                .heads = by.heads,
                                                .kv_heads = by.kv_heads,
                                                .head_dim = by.head_dim,
                                                .scale = by.scale,
                                                .biases = by_distance});
    return project(layer, by.names.output, heads, 0, spec_.width);
  }

  std::vector<float> mix(size_t layer, std::span<const float> n, Memory& memory) const {
    const LayerSpec& spec = spec_.layers[layer];
    if (spec.recurrence.kind == RecurrenceKind::kSsru)
      return ssru(project(layer, "ssru_x", n, 0, spec_.width), project(layer, "ssru_f", n, 0, spec_.width),
                  memory.state);
    append(layer, spec.attention, n, memory.own);
    const std::vector<float> by_distance = biases();
    return attend_to(layer, spec.attention, n, memory.own, by_distance);
  }

  static void add(std::vector<float>& x, const std::vector<float>& branch) {
    for (size_t i = 0; i < x.size(); ++i) x[i] += branch[i];
  }

  std::vector<float> step(int32_t token, size_t position, std::vector<Memory>& memory) const {
    std::vector<float> x = embedded(static_cast<uint32_t>(token));
    const std::span<const float> positions = weight("position_embd.weight");
    for (size_t i = 0; i < x.size() && !positions.empty(); ++i) x[i] += positions[position * spec_.width + i];
    for (size_t layer = 0; layer < memory.size(); ++layer) {
      const LayerSpec& spec = spec_.layers[layer];
      add(x, mix(layer, normed(layer, spec.attention_norm, x), memory[layer]));
      x = normed(layer, spec.attention_sum_norm, x);
      add(x, attend_to(layer, spec.cross, normed(layer, spec.cross_norm, x), memory[layer].source));
      x = normed(layer, spec.cross_sum_norm, x);
      add(x, feed_forward(layer, x, normed(layer, spec.ffn_norm, x)));
      x = normed(layer, spec.ffn_sum_norm, x);
    }
    if (!spec_.output_norm.empty()) x = norm(spec_.output_norm, x);
    for (float& value : x) value *= spec_.logit_scale;
    const std::string own = spec_.prefix + "token_embd.weight";
    const std::string head = !weight("output.weight").empty() ? "output.weight"
                             : !weight(own).empty()           ? own
                                                              : "token_embd.weight";
    return matvec(
        {.x = x, .w = weight(head), .rows = spec_.vocabulary, .cols = spec_.width, .bias = weight("output.bias")});
  }

  EncoderReference encoder_;
};

}  // namespace pumice::reference
