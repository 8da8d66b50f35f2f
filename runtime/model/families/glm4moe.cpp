// GLM 4.5 to 4.7: a mixture after a dense first layer, chosen by sigmoids with a bias; layers that predict further
// tokens are left out. Source: GLM team 2025 (GLM-4.5).
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_glm4moe(KeyReader& reader) {
  reader.accept("rope.dimension_sections");  // of pictures
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  PUMICE_TRY(read_mixture(reader, {.gating = Gating::kSigmoid}, spec, MixtureKeys::kAll));
  const bool normed = reader.file().find_tensor("blk.0.attn_q_norm.weight") != nullptr;
  for (LayerSpec& layer : spec.layers) {
    layer.ffn_norm = "post_attention_norm";
    if (normed) layer.attention.qk_norm = QkNorm::kHead;
  }
  return spec;
}

}  // namespace pumice
