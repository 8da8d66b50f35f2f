// OLMo 1: layer norms without weights; q, k and v may be limited. Source: Groeneveld et al. 2024.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_olmo(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kAdjacent, NormKind::kLayer));
  PUMICE_ASSIGN(const float clip, reader.number("attention.clamp_kqv", 0));
  spec.output_norm = kBareNorm;
  spec.unused_tensors = {"output_norm.weight"};
  for (LayerSpec& layer : spec.layers) {
    layer.attention.clip = clip;
    layer.attention_norm = layer.ffn_norm = kBareNorm;
  }
  return spec;
}

}  // namespace pumice
