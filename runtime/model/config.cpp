#include "model/config.h"

#include <cmath>
#include <vector>

#include "format/dequantize.h"

namespace pumice {
namespace {

constexpr uint32_t kMaxLayers = 1024, kMaxWidth = 1u << 18, kMaxVocabulary = 1u << 24;

Result<uint32_t> required(const Gguf& file, const std::string& key, uint32_t highest) {
  const std::optional<uint32_t> value = file.get_u32(key);
  if (!value) return error(Status::kMalformed, "the model file has no usable %s", key.c_str());
  if (*value == 0 || *value > highest)
    return error(Status::kMalformed, "%s is %u, outside 1 to %u", key.c_str(), *value, highest);
  return *value;
}

// `fallback` where the key is absent; a key of another type is an error.
Result<uint32_t> optional_count(const Gguf& file, const std::string& key, uint32_t fallback) {
  if (!file.find(key)) return fallback;
  const std::optional<uint32_t> value = file.get_u32(key);
  if (!value) return error(Status::kMalformed, "%s is not a count", key.c_str());
  return *value;
}

Result<float> optional_number(const Gguf& file, const std::string& key, float fallback) {
  if (!file.find(key)) return fallback;
  const std::optional<float> value = file.get_f32(key);
  if (!value) return error(Status::kMalformed, "%s is not a number", key.c_str());
  return *value;
}

// Angles of Su et al. 2021, divided by a linear scale (Chen et al. 2023) and, for Llama 3, by the file's factors.
Result<void> read_rope(const Gguf& file, const std::string& prefix, ModelConfig& config) {
  PUMICE_ASSIGN(config.rotary, optional_count(file, prefix + "rope.dimension_count", config.head_dim));
  if (config.rotary == 0 || config.rotary > config.head_dim || config.rotary % 2 != 0)
    return error(Status::kMalformed, "%srope.dimension_count is %u for heads of %u", prefix.c_str(), config.rotary,
                 config.head_dim);
  PUMICE_ASSIGN(const float base, optional_number(file, prefix + "rope.freq_base", 10000.0f));
  PUMICE_ASSIGN(float scale, optional_number(file, prefix + "rope.scale_linear", 1.0f));
  const std::string_view scaling = file.get_string(prefix + "rope.scaling.type").value_or("none");
  if (scaling == "linear") {
    PUMICE_ASSIGN(scale, optional_number(file, prefix + "rope.scaling.factor", scale));
  } else if (scaling != "none") {
    return error(Status::kUnsupported, "rope scaling %s is not supported; known are none, linear and Llama 3's factors",
                 quote(scaling).c_str());
  }
  if (!(base > 0) || !std::isfinite(base) || !(scale > 0) || !std::isfinite(scale))
    return error(Status::kMalformed, "the rope base or scale in %srope is not a positive number", prefix.c_str());

  const GgufTensor* factors = file.find_tensor("rope_freqs.weight");
  if (factors && (factors->type != TensorType::kF32 || factors->cols() != config.rotary / 2 || factors->rows() != 1))
    return error(Status::kMalformed, "rope_freqs.weight is not %u floats", config.rotary / 2);
  std::vector<float> values(config.rotary / 2, 1.0f);
  if (factors) {
    PUMICE_ASSIGN(values, fetch_values(file, *factors));
  }
  for (uint32_t i = 0; i < config.rotary / 2; ++i) {
    const float factor = values[i];
    const double radians = std::pow(static_cast<double>(base), -2.0 * i / config.rotary) / scale / factor;
    if (!std::isfinite(radians) || std::fabs(radians) > 1e6)
      return error(Status::kMalformed, "rope_freqs.weight[%u] is %g", i, static_cast<double>(factor));
    config.rope_radians.push_back(radians);
  }
  return {};
}

}  // namespace

Result<ModelConfig> read_common_config(const Gguf& file, const std::string& architecture) {
  const std::string prefix = architecture + ".";
  ModelConfig config;
  config.architecture = architecture;
  PUMICE_ASSIGN(config.layers, required(file, prefix + "block_count", kMaxLayers));
  PUMICE_ASSIGN(config.width, required(file, prefix + "embedding_length", kMaxWidth));
  PUMICE_ASSIGN(config.ffn_width, required(file, prefix + "feed_forward_length", 4 * kMaxWidth));
  PUMICE_ASSIGN(config.heads, required(file, prefix + "attention.head_count", 65536));
  PUMICE_ASSIGN(config.context_length, required(file, prefix + "context_length", 1u << 28));
  config.kv_heads = config.heads;
  if (file.find(prefix + "attention.head_count_kv")) {
    PUMICE_ASSIGN(config.kv_heads, required(file, prefix + "attention.head_count_kv", config.heads));
  }
  config.head_dim = config.width / config.heads;
  if (file.find(prefix + "attention.key_length")) {
    PUMICE_ASSIGN(config.head_dim, required(file, prefix + "attention.key_length", 4096));
  }
  if (config.head_dim == 0 || config.head_dim % 2 != 0 || config.heads % config.kv_heads != 0 ||
      (!file.find(prefix + "attention.key_length") && config.width % config.heads != 0))
    return error(Status::kMalformed, "%u heads and %u KV heads do not fit a width of %u", config.heads, config.kv_heads,
                 config.width);
  PUMICE_ASSIGN(const uint32_t value_length, optional_count(file, prefix + "attention.value_length", config.head_dim));
  if (value_length != config.head_dim)
    return error(Status::kUnsupported, "values of %u dimensions with keys of %u are not supported", value_length,
                 config.head_dim);
  PUMICE_ASSIGN(config.norm_eps, optional_number(file, prefix + "attention.layer_norm_rms_epsilon", config.norm_eps));
  if (!(config.norm_eps >= 0 && config.norm_eps < 1))
    return error(Status::kMalformed, "%sattention.layer_norm_rms_epsilon is %g", prefix.c_str(),
                 static_cast<double>(config.norm_eps));
  const GgufTensor* embedding = file.find_tensor("token_embd.weight");
  if (!embedding) return error(Status::kMalformed, "the model file has no token_embd.weight");
  if (embedding->rows() > kMaxVocabulary)
    return error(Status::kUnsupported, "a vocabulary of %llu tokens is too large",
                 static_cast<unsigned long long>(embedding->rows()));
  config.vocabulary = static_cast<uint32_t>(embedding->rows());
  PUMICE_TRY(read_rope(file, prefix, config));
  return config;
}

}  // namespace pumice
