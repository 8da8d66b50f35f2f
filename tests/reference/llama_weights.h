// All weights of a `llama` model as floats, row-major (rows, cols); a tensor that the file lacks is empty.
// Ownership: the vectors are copies, so the file may close. Thread rule: load on one thread, then read from any.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "format/dequantize.h"
#include "format/gguf.h"
#include "llama_config.h"

namespace pumice::reference {

struct LlamaLayer {
  std::vector<float> attn_norm;  // (width)
  std::vector<float> q, k, v;    // (heads * key, width), (kv_heads * key, width), (kv_heads * value, width)
  std::vector<float> q_bias, k_bias, v_bias;  // optional
  std::vector<float> output, output_bias;     // (width, heads * value); bias optional
  std::vector<float> ffn_norm;                // (width)
  std::vector<float> gate, up, down;          // (feed_forward, width) twice, (width, feed_forward)
};

struct LlamaWeights {
  std::vector<float> embedding;     // (vocab, width)
  std::vector<float> output_norm;   // (width)
  std::vector<float> output;        // (vocab, width); empty: the embedding serves
  std::vector<float> freq_factors;  // (rotary / 2); optional
  std::vector<LlamaLayer> layers;
};

// Empty where an optional tensor is absent.
inline Result<std::vector<float>> load_tensor(const Gguf& file, const std::string& name, size_t rows, size_t cols,
                                              bool optional = false) {
  const GgufTensor* tensor = file.find_tensor(name);
  if (tensor == nullptr) {
    if (optional) return std::vector<float>();
    return error(Status::kMalformed, "the tensor %s is missing", name.c_str());
  }
  if (tensor->rows() != rows || tensor->cols() != cols) {
    return error(Status::kMalformed, "the tensor %s has shape %s, not (%zu, %zu)", name.c_str(),
                 render_shape(*tensor).c_str(), cols, rows);
  }
  std::vector<float> values(rows * cols);
  PUMICE_TRY(dequantize_rows(*tensor, 0, rows, values));
  return values;
}

inline Result<LlamaLayer> load_layer(const Gguf& file, const LlamaConfig& c, size_t index) {
  const std::string block = "blk." + std::to_string(index) + ".";
  const size_t q = c.heads * c.key_length;
  const size_t k = c.kv_heads * c.key_length;
  const size_t v = c.kv_heads * c.value_length;
  const size_t merged = c.heads * c.value_length;
  LlamaLayer l;
  PUMICE_ASSIGN(l.attn_norm, load_tensor(file, block + "attn_norm.weight", 1, c.width));
  PUMICE_ASSIGN(l.q, load_tensor(file, block + "attn_q.weight", q, c.width));
  PUMICE_ASSIGN(l.k, load_tensor(file, block + "attn_k.weight", k, c.width));
  PUMICE_ASSIGN(l.v, load_tensor(file, block + "attn_v.weight", v, c.width));
  PUMICE_ASSIGN(l.q_bias, load_tensor(file, block + "attn_q.bias", 1, q, true));
  PUMICE_ASSIGN(l.k_bias, load_tensor(file, block + "attn_k.bias", 1, k, true));
  PUMICE_ASSIGN(l.v_bias, load_tensor(file, block + "attn_v.bias", 1, v, true));
  PUMICE_ASSIGN(l.output, load_tensor(file, block + "attn_output.weight", c.width, merged));
  PUMICE_ASSIGN(l.output_bias, load_tensor(file, block + "attn_output.bias", 1, c.width, true));
  PUMICE_ASSIGN(l.ffn_norm, load_tensor(file, block + "ffn_norm.weight", 1, c.width));
  PUMICE_ASSIGN(l.gate, load_tensor(file, block + "ffn_gate.weight", c.feed_forward, c.width));
  PUMICE_ASSIGN(l.up, load_tensor(file, block + "ffn_up.weight", c.feed_forward, c.width));
  PUMICE_ASSIGN(l.down, load_tensor(file, block + "ffn_down.weight", c.width, c.feed_forward));
  return l;
}

inline Result<LlamaWeights> load_llama_weights(const Gguf& file, const LlamaConfig& c) {
  LlamaWeights w;
  PUMICE_ASSIGN(w.embedding, load_tensor(file, "token_embd.weight", c.vocab, c.width));
  PUMICE_ASSIGN(w.output_norm, load_tensor(file, "output_norm.weight", 1, c.width));
  PUMICE_ASSIGN(w.output, load_tensor(file, "output.weight", c.vocab, c.width, true));
  PUMICE_ASSIGN(w.freq_factors, load_tensor(file, "rope_freqs.weight", 1, c.rotary / 2, true));
  for (size_t i = 0; i < c.layers; ++i) {
    PUMICE_ASSIGN(LlamaLayer layer, load_layer(file, c, i));
    w.layers.push_back(std::move(layer));
  }
  return w;
}

}  // namespace pumice::reference
