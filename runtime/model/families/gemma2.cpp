// Gemma 2: Gemma with norms before and after both branches, soft caps, and a window in every other layer.
// Source: Gemma team 2024 (Gemma 2).
#include <cmath>

#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_gemma2(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_gemma(reader));
  PUMICE_TRY(read_windows(reader, 2, spec));
  PUMICE_TRY(read_sliding_base(reader, spec));
  PUMICE_ASSIGN(const float softcap, reader.number("attn_logit_softcapping", 50));
  PUMICE_ASSIGN(spec.logit_softcap, reader.number("final_logit_softcapping", 30));
  const bool of_27b = spec.layers.size() == 46;
  for (LayerSpec& layer : spec.layers) {
    layer.attention_post_norm = "post_attention_norm";
    layer.ffn_post_norm = "post_ffw_norm";
    layer.attention.softcap = softcap;
    if (of_27b)
      layer.attention.scale = std::sqrt(static_cast<float>(layer.attention.heads) / static_cast<float>(spec.width));
  }
  return spec;
}

}  // namespace pumice
