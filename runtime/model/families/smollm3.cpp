// SmolLM 3: llama in which every fourth layer does not rotate. Source: Hugging Face 2025; Yang et al. 2025 (RNoPE).
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_smollm3(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_llama(reader));
  const uint32_t none = add_no_rope(spec);
  for (size_t i = 3; i < spec.layers.size(); i += 4) spec.layers[i].attention.rope = none;
  return spec;
}

}  // namespace pumice
