// Gemma 3, its text: Gemma with norms before and after both branches and of each head of q and k; five of six layers
// have a window and rotate by a base of their own. Source: Gemma team 2025 (Gemma 3).
#include <cmath>

#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_gemma3(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_gemma(reader));
  PUMICE_TRY(read_windows(reader, 6, spec));
  PUMICE_TRY(read_sliding_rope(reader, 10000, spec));
  PUMICE_ASSIGN(spec.logit_softcap, reader.number("final_logit_softcapping", 0));
  const bool of_27b = spec.layers.size() == 62;
  for (LayerSpec& layer : spec.layers) {
    layer.attention_post_norm = "post_attention_norm";
    layer.ffn_post_norm = "post_ffw_norm";
    layer.attention.qk_norm = QkNorm::kHead;
    layer.attention.whole_pictures = true;
    if (of_27b)
      layer.attention.scale = std::sqrt(static_cast<float>(layer.attention.heads) / static_cast<float>(spec.width));
  }
  return spec;
}

}  // namespace pumice
