#include "model/config.h"

#include "base/printable.h"
#include "model/config_reader.h"
#include "model/rope_scaling.h"

namespace pumice {
namespace {

constexpr uint32_t kMaxLayers = 1024, kMaxWidth = 1u << 18, kMaxVocabulary = 1u << 24;
constexpr size_t kMostName = 100;

Result<void> read_heads(ConfigReader& reader, ModelConfig& config) {
  PUMICE_ASSIGN(config.heads, reader.for_layers("attention.head_count", config.layers, 65536));
  config.kv_heads = config.heads;
  if (reader.has("attention.head_count_kv")) {
    PUMICE_ASSIGN(config.kv_heads, reader.for_layers("attention.head_count_kv", config.layers, config.heads));
  }
  const bool explicit_length = reader.has("attention.key_length");
  config.head_dim = config.width / config.heads;
  if (explicit_length) {
    PUMICE_ASSIGN(config.head_dim, reader.required("attention.key_length", 4096));
  }
  if (config.head_dim == 0 || config.head_dim % 2 != 0 || config.heads % config.kv_heads != 0 ||
      (!explicit_length && config.width % config.heads != 0))
    return error(Status::kMalformed, "%u heads and %u KV heads do not fit a width of %u", config.heads, config.kv_heads,
                 config.width);
  PUMICE_ASSIGN(const uint32_t value_length, reader.count("attention.value_length", config.head_dim));
  if (value_length != config.head_dim)
    return error(Status::kUnsupported, "values of %u dimensions with keys of %u are not supported", value_length,
                 config.head_dim);
  return {};
}

Result<void> read_norm(ConfigReader& reader, ModelConfig& config) {
  const char* name = "attention.layer_norm_rms_epsilon";
  if (!reader.has(name))
    config.warnings.push_back(reader.key(name) + " is missing: 1e-05 is taken; convert the model again");
  PUMICE_ASSIGN(config.norm_eps, reader.number(name, config.norm_eps));
  if (!(config.norm_eps >= 0 && config.norm_eps < 1))
    return error(Status::kMalformed, "%s is %g", reader.key(name).c_str(), static_cast<double>(config.norm_eps));
  return {};
}

}  // namespace

Result<ModelConfig> read_common_config(ConfigReader& reader) {
  ModelConfig config;
  config.architecture = reader.architecture();
  config.name = printable(reader.file().get_string("general.name").value_or("").substr(0, kMostName));
  PUMICE_ASSIGN(config.layers, reader.required("block_count", kMaxLayers));
  PUMICE_ASSIGN(config.width, reader.required("embedding_length", kMaxWidth));
  PUMICE_ASSIGN(config.ffn_width, reader.for_layers("feed_forward_length", config.layers, 4 * kMaxWidth));
  PUMICE_ASSIGN(config.context_length, reader.required("context_length", 1u << 28));
  PUMICE_TRY(read_heads(reader, config));
  PUMICE_TRY(read_norm(reader, config));
  PUMICE_ASSIGN(const bool causal, reader.flag("attention.causal", true));
  if (!causal)
    return error(Status::kUnsupported, "%s is false: this is an encoder, and only decoders are supported",
                 reader.key("attention.causal").c_str());
  const GgufTensor* embedding = reader.file().find_tensor("token_embd.weight");
  if (!embedding) return error(Status::kMalformed, "the model file has no token_embd.weight");
  if (embedding->rows() > kMaxVocabulary)
    return error(Status::kUnsupported, "a vocabulary of %llu tokens is too large",
                 static_cast<unsigned long long>(embedding->rows()));
  config.vocabulary = static_cast<uint32_t>(embedding->rows());
  PUMICE_TRY(read_rope(reader, config));
  return config;
}

}  // namespace pumice
