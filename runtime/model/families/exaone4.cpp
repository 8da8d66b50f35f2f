// EXAONE 4: norms after the branches and of each head of q and k; the large one has a window in three of four layers,
// which alone rotate. Source: LG AI Research 2025 (EXAONE 4.0).
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_exaone4(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  const bool of_32b = spec.layers.size() == 64;
  reader.accept("attention.sliding_window");  // of the large one alone
  if (of_32b) PUMICE_TRY(read_windows(reader, 4, spec));
  const uint32_t none = add_no_rope(spec);
  for (LayerSpec& layer : spec.layers) {
    layer.attention_norm = layer.ffn_norm = "";
    layer.attention_post_norm = "post_attention_norm";
    layer.ffn_post_norm = "post_ffw_norm";
    layer.attention.qk_norm = QkNorm::kHead;
    if (of_32b && layer.attention.window == 0) layer.attention.rope = none;
  }
  return spec;
}

}  // namespace pumice
