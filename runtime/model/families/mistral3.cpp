// Ministral 3 and newer files of Mistral Small 3: llama whose queries grow with the position.
// Source: Mistral AI 2025; Nakanishi 2025 (scalable softmax).
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_mistral3(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_llama(reader));
  PUMICE_ASSIGN(const float temperature, reader.number("attention.temperature_scale", 0));
  const uint32_t length = spec.ropes[0].original_context;
  if (temperature != 0 && length == 0)
    return error(Status::kMalformed, "%s is 0", reader.key("rope.scaling.original_context_length").c_str());
  for (LayerSpec& layer : spec.layers) {
    layer.attention.temperature = temperature;
    layer.attention.temperature_length = length;
  }
  return spec;
}

}  // namespace pumice
