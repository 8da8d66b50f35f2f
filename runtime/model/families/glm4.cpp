// GLM 4: norms before and after both branches, half of a head rotated. Source: GLM team 2024.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_glm4(KeyReader& reader) {
  // With sections, which pictures need, the pairs are halves.
  PUMICE_ASSIGN(const bool sections, reader.has_sections());
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, sections ? RopePairs::kHalves : RopePairs::kAdjacent));
  for (LayerSpec& layer : spec.layers) {
    layer.attention_post_norm = "post_attention_norm";
    layer.ffn_post_norm = "post_ffw_norm";
  }
  return spec;
}

}  // namespace pumice
