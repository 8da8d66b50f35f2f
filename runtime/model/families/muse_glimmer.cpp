// Muse Glimmer: norms before and after both branches, a gate of each value of the heads, and windows.
// Source: measured against llama.cpp 0.7.0.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_muse_glimmer(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  PUMICE_ASSIGN(spec.logit_scale, reader.factor("logit_scale"));
  PUMICE_TRY(read_windows(reader, 4, spec));
  PUMICE_TRY(read_sliding_rope(reader, 0, spec));
  for (LayerSpec& layer : spec.layers) {
    layer.attention.qk_norm = QkNorm::kHead;
    layer.attention.gate_width = layer.attention.q_width();
    layer.attention_post_norm = "post_attention_norm";
    layer.ffn_post_norm = "post_ffw_norm";
  }
  return spec;
}

}  // namespace pumice
