// MiniCPM: llama with scales of embeddings, branches and logits, which old files leave to the width and the depth.
// Source: Hu et al. 2024 (MiniCPM).
#include <cmath>

#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_minicpm(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kAdjacent));
  PUMICE_ASSIGN(spec.embedding_scale, reader.factor("embedding_scale", 12));
  PUMICE_ASSIGN(const float residual_scale,
                reader.factor("residual_scale", 1.4f / std::sqrt(static_cast<float>(spec.layers.size()))));
  PUMICE_ASSIGN(spec.logit_scale, reader.factor("logit_scale", 256.0f / static_cast<float>(spec.width)));
  for (LayerSpec& layer : spec.layers) layer.residual_scale = residual_scale;
  PUMICE_TRY(read_mixture(reader, {}, spec));
  return spec;
}

}  // namespace pumice
