#include "model/rope_scaling.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "format/dequantize.h"

namespace pumice {
namespace {

struct Scaling {
  double base = 10000;
  double factor = 1;           // by which positions are divided
  double extension = 0;        // of YaRN: how much of the pairs that turn fast is left undivided, 0 to 1
  double first = 0, last = 0;  // of YaRN: pairs up to the first are undivided, from the last on divided
  double magnitude = 1;        // of rotated queries and keys
};

// The pair that turns `turns` times in the length that the model was first trained for (Peng et al. 2023, section 3.2).
double pair_of(double turns, double original, double rotary, double base) {
  return rotary * std::log(original / (turns * 2 * std::numbers::pi)) / (2 * std::log(base));
}

Result<void> read_yarn(ConfigReader& reader, const ModelConfig& config, bool by_type, Scaling& scaling) {
  PUMICE_ASSIGN(const uint32_t original, reader.count("rope.scaling.original_context_length", config.context_length));
  PUMICE_ASSIGN(const float extension, reader.number("rope.scaling.yarn_ext_factor", -1));
  PUMICE_ASSIGN(const float fast, reader.number("rope.scaling.yarn_beta_fast", 32));
  PUMICE_ASSIGN(const float slow, reader.number("rope.scaling.yarn_beta_slow", 1));
  PUMICE_ASSIGN(const float log_multiplier, reader.number("rope.scaling.yarn_log_multiplier", 0));
  scaling.extension = extension < 0 ? (by_type ? 1 : 0) : static_cast<double>(extension);
  if (scaling.extension == 0) return {};
  if (original == 0 || !(fast > 0) || !(slow > 0) || !(scaling.base > 1))
    return error(Status::kMalformed, "%s, .yarn_beta_fast, .yarn_beta_slow or rope.freq_base is out of range",
                 reader.key("rope.scaling.original_context_length").c_str());
  const double n = original, rotary = config.rotary;
  scaling.first = std::max(0.0, std::floor(pair_of(static_cast<double>(fast), n, rotary, scaling.base)));
  scaling.last = std::min(rotary - 1, std::ceil(pair_of(static_cast<double>(slow), n, rotary, scaling.base)));
  const auto magnitude = [&](double multiplier) {
    return scaling.factor <= 1 ? 1.0 : 0.1 * multiplier * std::log(scaling.factor) + 1;
  };
  scaling.magnitude = magnitude(1) / (log_multiplier != 0 ? magnitude(static_cast<double>(log_multiplier)) : 1);
  return {};
}

Result<Scaling> read_scaling(ConfigReader& reader, const ModelConfig& config) {
  Scaling scaling;
  PUMICE_ASSIGN(const float base, reader.number("rope.freq_base", 10000));
  if (!(base > 0)) return error(Status::kMalformed, "%s is not positive", reader.key("rope.freq_base").c_str());
  scaling.base = static_cast<double>(base);
  // Where no type is given a factor is linear, by its present or its old name; 0 means that nothing is scaled.
  PUMICE_ASSIGN(const std::string_view type, reader.text("rope.scaling.type", "linear"));
  if (type != "none" && type != "linear" && type != "yarn")
    return error(Status::kUnsupported, "%s is %s, which is not supported; none, linear and yarn are",
                 reader.key("rope.scaling.type").c_str(), quote(type).c_str());
  PUMICE_ASSIGN(const float old_factor, reader.number("rope.scale_linear", 0));
  PUMICE_ASSIGN(const float factor, reader.number("rope.scaling.factor", old_factor));
  if (factor < 0) return error(Status::kMalformed, "%s is negative", reader.key("rope.scaling.factor").c_str());
  if (factor > 0 && type != "none") scaling.factor = static_cast<double>(factor);
  PUMICE_TRY(read_yarn(reader, config, type == "yarn", scaling));
  PUMICE_ASSIGN(const float magnitude, reader.number("rope.scaling.attn_factor", 1));
  scaling.magnitude *= static_cast<double>(magnitude);
  return scaling;
}

// The file's own divisors of each pair's angle, as Llama 3 has them.
Result<std::vector<float>> read_factors(const Gguf& file, uint32_t pairs) {
  const GgufTensor* factors = file.find_tensor("rope_freqs.weight");
  if (!factors) return std::vector<float>(pairs, 1.0f);
  if (factors->type != TensorType::kF32 || factors->cols() != pairs || factors->rows() != 1)
    return error(Status::kMalformed, "rope_freqs.weight is not %u floats", pairs);
  return fetch_values(file, *factors);
}

Result<void> fill_radians(ConfigReader& reader, const Scaling& scaling, ModelConfig& config) {
  PUMICE_ASSIGN(const std::vector<float> factors, read_factors(reader.file(), config.rotary / 2));
  for (uint32_t i = 0; i < config.rotary / 2; ++i) {
    const double plain = std::pow(scaling.base, -2.0 * i / config.rotary) / static_cast<double>(factors[i]);
    const double place = (i - scaling.first) / std::max(0.001, scaling.last - scaling.first);
    const double undivided = scaling.extension * (1 - std::clamp(place, 0.0, 1.0));
    const double radians = plain / scaling.factor * (1 - undivided) + plain * undivided;
    if (!std::isfinite(radians) || std::fabs(radians) > 1e6)
      return error(Status::kMalformed, "%s and rope_freqs.weight[%u] = %g give an angle of %g",
                   reader.key("rope.freq_base").c_str(), i, static_cast<double>(factors[i]), radians);
    config.rope_radians.push_back(radians);
  }
  return {};
}

}  // namespace

Result<void> read_rope(ConfigReader& reader, ModelConfig& config) {
  PUMICE_ASSIGN(config.rotary, reader.count("rope.dimension_count", config.head_dim));
  if (config.rotary == 0 || config.rotary > config.head_dim || config.rotary % 2 != 0)
    return error(Status::kMalformed, "%s is %u for heads of %u", reader.key("rope.dimension_count").c_str(),
                 config.rotary, config.head_dim);
  PUMICE_ASSIGN(const Scaling scaling, read_scaling(reader, config));
  // Queries and keys both have the magnitude, so a score has its square; but only of the dimensions that are rotated.
  if (scaling.magnitude != 1 && config.rotary != config.head_dim)
    return error(Status::kUnsupported, "%s (magnitude %g) with %u of %u dimensions rotated is not supported",
                 reader.key("rope.scaling.attn_factor").c_str(), scaling.magnitude, config.rotary, config.head_dim);
  PUMICE_TRY(fill_radians(reader, scaling, config));
  PUMICE_ASSIGN(const float scale, reader.number("attention.scale", 0));
  const double plain = scale != 0 ? static_cast<double>(scale) : 1 / std::sqrt(static_cast<double>(config.head_dim));
  config.attention_scale = static_cast<float>(plain * scaling.magnitude * scaling.magnitude);
  if (!std::isfinite(config.attention_scale))
    return error(Status::kMalformed, "%s or rope.scaling.attn_factor is too large",
                 reader.key("attention.scale").c_str());
  return {};
}

}  // namespace pumice
