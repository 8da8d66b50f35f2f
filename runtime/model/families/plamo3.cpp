// PLaMo 3: norms before and after both branches and of each head of q and k, with a window in seven of eight layers.
// Source: Preferred Networks 2025.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_plamo3(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  PUMICE_TRY(read_windows(reader, 8, spec));
  PUMICE_TRY(read_sliding_rope(reader, 0, spec));
  for (LayerSpec& layer : spec.layers) {
    layer.attention.qk_norm = QkNorm::kHead;
    layer.attention_post_norm = "post_attention_norm";
    layer.ffn_post_norm = "post_ffw_norm";
  }
  return spec;
}

}  // namespace pumice
