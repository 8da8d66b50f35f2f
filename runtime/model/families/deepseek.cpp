// DeepSeek (the first) and its kin: a mixture with shared experts after dense first layers. Source: Dai et al. 2024.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_deepseek(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kAdjacent));
  PUMICE_ASSIGN(const float scale, reader.factor("expert_weights_scale"));
  PUMICE_TRY(read_mixture(reader, {.normalised = false, .scale = scale}, spec));
  return spec;
}

}  // namespace pumice
