// The shape of a model of GGUF's architecture `llama`, as the reference reads it from the file's keys.
// Source of the keys: the GGUF specification, ggml's docs/gguf.md. Thread rule: pure functions.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "format/gguf.h"
#include "rope.h"

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
  std::optional<Yarn> yarn;
  double rope_magnitude = 1.0;  // of what is rotated, in queries and in keys
  float attention_scale = 0.0f;
};

inline Result<size_t> required_size(const Gguf& file, const std::string& key) {
  const std::optional<uint64_t> value = file.get_u64(key);
  if (!value || *value == 0 || *value > (uint64_t{1} << 31)) {
    return error(Status::kMalformed, "the key %s is missing or is not a count", key.c_str());
  }
  return static_cast<size_t>(*value);
}

// A factor without a type is linear, 0 is none, and so is the type none.
inline Result<void> read_rope_scaling(const Gguf& file, LlamaConfig& c) {
  const auto number = [&file](const char* key, double fallback) {
    const std::optional<float> value = file.get_f32(key);
    return value ? static_cast<double>(*value) : fallback;
  };
  const std::string_view type = file.get_string("llama.rope.scaling.type").value_or("linear");
  double factor = number("llama.rope.scaling.factor", number("llama.rope.scale_linear", 0));
  if (factor == 0 || type == "none") factor = 1;
  c.rope_magnitude = number("llama.rope.scaling.attn_factor", 1);
  if (type == "yarn") {
    c.yarn = Yarn{.factor = factor,
                  .original_context = number("llama.rope.scaling.original_context_length",
                                             static_cast<double>(file.get_u64("llama.context_length").value_or(1))),
                  .fast = number("llama.rope.scaling.yarn_beta_fast", 32),
                  .slow = number("llama.rope.scaling.yarn_beta_slow", 1)};
    c.rope_magnitude *= 1 + 0.1 * std::log(factor);
  } else if (type == "linear" || type == "none") {
    c.rope_linear_scale = factor;
  } else {
    return error(Status::kUnsupported, "the reference knows rope scaling none, linear and yarn only, not %s",
                 std::string(type).c_str());
  }
  return {};
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
  PUMICE_TRY(read_rope_scaling(file, c));
  c.attention_scale = file.get_f32("llama.attention.scale").value_or(0.0f);
  if (c.attention_scale == 0.0f) c.attention_scale = 1.0f / std::sqrt(static_cast<float>(c.key_length));
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
