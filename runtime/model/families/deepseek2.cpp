// DeepSeek V2 and V3 and their kin (GLM 4.7 Flash, Kanana 2, Kimi K2, Mistral 4): latent attention, and a mixture in
// groups with shared experts after dense first layers. Source: DeepSeek-AI 2024 (DeepSeek-V2, DeepSeek-V3).
#include <cmath>

#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_deepseek2(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kAdjacent));
  PUMICE_TRY(read_latent(reader, spec));
  // The small models of GLM 4.7 do not say that theirs are sigmoids.
  const bool glm = (spec.layers.size() == 47 || spec.layers.size() == 48) && spec.vocabulary == 154880;
  const Gating gating = glm ? Gating::kSigmoid : Gating::kSoftmax;
  PUMICE_TRY(read_mixture(reader, {.gating = gating, .normalised = false}, spec, MixtureKeys::kAll));
  // Files state a tenth of the multiplier, whose logarithm is in the scale of scores; the rotation has no magnitude.
  PUMICE_ASSIGN(const float multiplier, reader.number("rope.scaling.yarn_log_multiplier", 0));
  PUMICE_ASSIGN(const float factor, reader.number("rope.scaling.factor", 1));
  PUMICE_ASSIGN(const float attn_factor, reader.factor("rope.scaling.attn_factor"));
  if (factor > 1) {
    const float magnitude = attn_factor * (1 + multiplier * std::log(factor));
    spec.ropes[0].magnitude = 1;
    for (LayerSpec& layer : spec.layers) layer.attention.scale *= magnitude * magnitude;
  }
  PUMICE_ASSIGN(const float temperature, reader.number("attention.temperature_scale", 0));
  PUMICE_ASSIGN(const uint32_t length, reader.count("attention.temperature_length", spec.ropes[0].original_context));
  for (LayerSpec& layer : spec.layers) {
    layer.attention.temperature = temperature;
    layer.attention.temperature_length = std::max(length, 1u);
  }
  return spec;
}

}  // namespace pumice
