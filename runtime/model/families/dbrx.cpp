// DBRX: a mixture with layer norms, whose q, k and v are limited. Source: Databricks 2024.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_dbrx(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves, NormKind::kLayer));
  PUMICE_TRY(read_mixture(reader, {}, spec));
  PUMICE_ASSIGN(const float clip, reader.number("attention.clamp_kqv", 0));
  for (LayerSpec& layer : spec.layers) {
    layer.attention.clip = clip;
    layer.ffn_norm = "attn_output_norm";
  }
  return spec;
}

}  // namespace pumice
