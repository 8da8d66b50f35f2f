// Falcon: both blocks side by side; the large ones have a norm of their own for attention. Source: Almazrouei et al.
// 2023.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_falcon(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_starcoder2(reader));
  const bool two_norms = reader.file().find_tensor("blk.0.attn_norm_2.weight") != nullptr;
  for (LayerSpec& layer : spec.layers) {
    layer.parallel = true;
    layer.attention_norm = two_norms ? "attn_norm_2" : "attn_norm";
    layer.ffn_norm = two_norms ? "attn_norm" : "";
  }
  return spec;
}

}  // namespace pumice
