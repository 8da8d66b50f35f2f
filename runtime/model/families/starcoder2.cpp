// StarCoder 2 and CodeShell: layer norms, biases everywhere, and a feed-forward block without a gate.
// Source: Lozhkov et al. 2024.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_starcoder2(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves, NormKind::kLayer));
  for (LayerSpec& layer : spec.layers) {
    layer.feed_forward.gated = false;
    layer.feed_forward.activation = Activation::kGelu;
  }
  return spec;
}

}  // namespace pumice
