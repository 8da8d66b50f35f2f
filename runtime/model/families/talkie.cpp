// Talkie: norms without weights, and the embedding added behind each layer. Source: its files.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_talkie(KeyReader& reader) {
  reader.ignore_rope_factors();
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  PUMICE_ASSIGN(spec.logit_scale, reader.factor("logit_scale"));
  spec.embedding_norm = spec.output_norm = kBareNorm;
  spec.embedding_skip = true;
  for (LayerSpec& layer : spec.layers) {
    layer.attention_norm = layer.ffn_norm = kBareNorm;
    layer.attention.qk_norm = QkNorm::kGain;
    layer.attention.norm_after_rope = true;
  }
  return spec;
}

}  // namespace pumice
