#include "model/config.h"

#include <cmath>
#include <cstring>

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

// Angles of Su et al. 2021, divided by a linear scale (Chen et al. 2023) and, for Llama 3, by the file's factors.
Result<void> read_rope(const Gguf& file, const std::string& prefix, ModelConfig& config) {
  config.rotary = file.get_u32(prefix + "rope.dimension_count").value_or(config.head_dim);
  if (config.rotary == 0 || config.rotary > config.head_dim || config.rotary % 2 != 0)
    return error(Status::kMalformed, "%srope.dimension_count is %u for heads of %u", prefix.c_str(), config.rotary,
                 config.head_dim);
  const float base = file.get_f32(prefix + "rope.freq_base").value_or(10000.0f);
  float scale = file.get_f32(prefix + "rope.scale_linear").value_or(1.0f);
  const std::string_view scaling = file.get_string(prefix + "rope.scaling.type").value_or("none");
  if (scaling == "linear") scale = file.get_f32(prefix + "rope.scaling.factor").value_or(scale);
  else if (scaling != "none")
    return error(Status::kUnsupported, "rope scaling %s is not supported; known are none, linear and Llama 3's factors",
                 quote(scaling).c_str());
  if (!(base > 0) || !std::isfinite(base) || !(scale > 0) || !std::isfinite(scale))
    return error(Status::kMalformed, "the rope base or scale in %srope is not a positive number", prefix.c_str());

  const GgufTensor* factors = file.find_tensor("rope_freqs.weight");
  if (factors && (factors->type != TensorType::kF32 || factors->cols() != config.rotary / 2 || factors->rows() != 1))
    return error(Status::kMalformed, "rope_freqs.weight is not %u floats", config.rotary / 2);
  for (uint32_t i = 0; i < config.rotary / 2; ++i) {
    float factor = 1.0f;
    if (factors) std::memcpy(&factor, factors->data.data() + 4 * i, 4);
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
  if (const auto value_length = file.get_u32(prefix + "attention.value_length"); value_length && *value_length != config.head_dim)
    return error(Status::kUnsupported, "values of %u dimensions with keys of %u are not supported", *value_length,
                 config.head_dim);
  if (const auto eps = file.get_f32(prefix + "attention.layer_norm_rms_epsilon")) config.norm_eps = *eps;
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
