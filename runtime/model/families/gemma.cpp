// Gemma 1: embeddings times the root of the width, GELU gates. Source: Gemma team 2024.
#include <cmath>

#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_gemma(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  spec.embedding_scale = std::sqrt(static_cast<float>(spec.width));
  for (LayerSpec& layer : spec.layers) layer.feed_forward.activation = Activation::kGelu;
  return spec;
}

}  // namespace pumice
