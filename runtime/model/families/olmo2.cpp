// OLMo 2 and 3: norms after the branches instead of before, and of all heads of q and of k together; OLMo 3 has a
// window in three of four layers, whose rotation is not scaled. Source: OLMo team 2025 (2 OLMo 2 Furious).
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_olmo2(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  PUMICE_TRY(read_windows(reader, 4, spec));
  PUMICE_TRY(read_sliding_rope(reader, 0, spec, "rope.freq_base"));
  for (LayerSpec& layer : spec.layers) {
    layer.attention_norm = layer.ffn_norm = "";
    layer.attention_post_norm = "post_attention_norm";
    layer.ffn_post_norm = "post_ffw_norm";
    layer.attention.qk_norm = QkNorm::kWhole;
  }
  return spec;
}

}  // namespace pumice
