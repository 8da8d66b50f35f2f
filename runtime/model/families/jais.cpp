// Jais: layer norms and biases, gated blocks, ALiBi; scores are divided by the head's length, not by its root.
// Source: Sengupta et al. 2023.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_jais(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves, NormKind::kLayer));
  spec.ropes[0] = {};
  PUMICE_ASSIGN(const float alibi, reader.number("attention.max_alibi_bias", 0));
  for (LayerSpec& layer : spec.layers) {
    layer.attention.alibi = alibi;
    layer.attention.scale = 1 / static_cast<float>(layer.attention.head_dim);
  }
  return spec;
}

}  // namespace pumice
