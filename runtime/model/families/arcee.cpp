// AFM: llama with squares of what is positive instead of a gate. Source: Arcee AI 2025.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_arcee(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_llama(reader));
  for (LayerSpec& layer : spec.layers) {
    layer.feed_forward.gated = false;
    layer.feed_forward.activation = Activation::kSquaredRelu;
  }
  return spec;
}

}  // namespace pumice
