// Nemotron 4 and Minitron: layer norms, and squares of what is positive instead of a gate. Source: Parmar et al. 2024.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_nemotron(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_starcoder2(reader));
  for (LayerSpec& layer : spec.layers) layer.feed_forward.activation = Activation::kSquaredRelu;
  return spec;
}

}  // namespace pumice
