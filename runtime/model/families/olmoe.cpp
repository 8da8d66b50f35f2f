// OLMoE: a mixture whose weights are the probabilities themselves, with norms of all heads of q and of k together.
// Source: Muennighoff et al. 2024.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_olmoe(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  PUMICE_TRY(read_mixture(reader, {.normalised = false}, spec));
  for (LayerSpec& layer : spec.layers) layer.attention.qk_norm = QkNorm::kWhole;
  return spec;
}

}  // namespace pumice
