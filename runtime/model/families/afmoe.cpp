// Trinity (AFMoE): norms before and after both branches, a gate of each value of the heads, and a mixture; one of four
// layers sees all and does not rotate. Source: Arcee AI 2025.
#include <cmath>

#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_afmoe(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  spec.embedding_scale = std::sqrt(static_cast<float>(spec.width));
  PUMICE_TRY(read_windows(reader, 4, spec));
  PUMICE_TRY(read_sliding_base(reader, spec));
  PUMICE_TRY(read_mixture(reader, {.gating = Gating::kSigmoid, .normalised = false}, spec, MixtureKeys::kAll));
  const uint32_t none = add_no_rope(spec);
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    LayerSpec& layer = spec.layers[i];
    layer.attention.qk_norm = QkNorm::kHead;
    layer.attention.gate_width = layer.attention.q_width();
    layer.attention_post_norm = "post_attention_norm";
    layer.ffn_post_norm = "post_ffw_norm";
    if (i % 4 == 3) layer.attention.rope = none;
  }
  return spec;
}

}  // namespace pumice
