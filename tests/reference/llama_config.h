// The shape of a model of GGUF's architecture `llama`, as the reference reads it from the file's keys.
// Source of the keys: the GGUF specification, ggml's docs/gguf.md. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "format/gguf.h"

namespace pumice::reference {

struct LlamaConfig {
  size_t layers = 0;
  size_t width = 0;  // embedding_length
  size_t feed_forward = 0;
  size_t heads = 0;
  size_t kv_heads = 0;
  size_t key_length = 0;    // of one head
  size_t value_length = 0;  // of one head
  size_t rotary = 0;        // rotated dimensions of a head
  size_t vocab = 0;
  float norm_eps = 0.0f;
  double rope_base = 10000.0;
  double rope_linear_scale = 1.0;
};

inline Result<size_t> required_size(const Gguf& file, const std::string& key) {
  const std::optional<uint64_t> value = file.get_u64(key);
  if (!value || *value == 0 || *value > (uint64_t{1} << 31)) {
    return error(Status::kMalformed, "the key %s is missing or is not a count", key.c_str());
  }
  return static_cast<size_t>(*value);
}

inline Result<double> read_linear_scale(const Gguf& file) {
  const std::string_view type = file.get_string("llama.rope.scaling.type").value_or("none");
  const double old_key = static_cast<double>(file.get_f32("llama.rope.scale_linear").value_or(1.0f));
  if (type == "none") return old_key;
  if (type != "linear") {
    return error(Status::kUnsupported, "the reference knows rope scaling none and linear only, not %s",
                 std::string(type).c_str());
  }
  return static_cast<double>(file.get_f32("llama.rope.scaling.factor").value_or(1.0f));
}

inline Result<LlamaConfig> read_llama_config(const Gguf& file) {
  if (file.get_string("general.architecture").value_or("") != "llama") {
    return error(Status::kUnsupported, "the reference runs architecture llama only");
  }
  LlamaConfig c;
  PUMICE_ASSIGN(c.layers, required_size(file, "llama.block_count"));
  PUMICE_ASSIGN(c.width, required_size(file, "llama.embedding_length"));
  PUMICE_ASSIGN(c.feed_forward, required_size(file, "llama.feed_forward_length"));
  PUMICE_ASSIGN(c.heads, required_size(file, "llama.attention.head_count"));
  const auto optional_size = [&file](const char* key, size_t fallback) {
    return static_cast<size_t>(file.get_u64(key).value_or(fallback));
  };
  c.kv_heads = optional_size("llama.attention.head_count_kv", c.heads);
  c.key_length = optional_size("llama.attention.key_length", c.width / c.heads);
  c.value_length = optional_size("llama.attention.value_length", c.width / c.heads);
  c.rotary = optional_size("llama.rope.dimension_count", c.key_length);
  c.norm_eps = file.get_f32("llama.attention.layer_norm_rms_epsilon").value_or(1e-5f);
  c.rope_base = static_cast<double>(file.get_f32("llama.rope.freq_base").value_or(10000.0f));
  PUMICE_ASSIGN(c.rope_linear_scale, read_linear_scale(file));
  if (c.kv_heads == 0 || c.heads % c.kv_heads != 0 || c.rotary > c.key_length || c.rotary % 2 != 0) {
    return error(Status::kMalformed, "head counts or rotary dimensions do not fit each other");
  }
  const GgufTensor* embedding = file.find_tensor("token_embd.weight");
  if (embedding == nullptr || embedding->cols() != c.width) {
    return error(Status::kMalformed, "the tensor token_embd.weight is missing or its rows are not of the width");
  }
  c.vocab = static_cast<size_t>(embedding->rows());
  return c;
}

}  // namespace pumice::reference
