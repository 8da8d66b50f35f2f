// Ling 1 and Ring 1: a mixture with shared experts in all layers. Source: Ling team 2025.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_bailingmoe(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kAdjacent));
  PUMICE_TRY(read_mixture(reader, {.normalised = false}, spec, MixtureKeys::kWeights));
  for (LayerSpec& layer : spec.layers) layer.feed_forward = spec.layers.back().feed_forward;
  return spec;
}

}  // namespace pumice
