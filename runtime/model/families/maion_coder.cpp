// Maion Coder: windows and sandwich norms; some layers do not rotate, some have a mixture whose experts are between two
// matrices. Source: its files.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_maion_coder(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  const size_t layers = spec.layers.size();
  PUMICE_TRY(read_windows(reader, 0, spec));
  PUMICE_ASSIGN(const auto rotated, reader.layer_flags("attention.rope_pattern", layers));
  PUMICE_ASSIGN(const uint32_t interval, reader.required("interleave_moe_layer_step", 1024));
  const uint32_t none = add_no_rope(spec);
  ModelSpec mixtures = spec;
  PUMICE_TRY(read_mixture(reader, {}, mixtures));
  PUMICE_TRY(read_latent_experts(reader, mixtures));
  for (size_t i = 0; i < layers; ++i) {
    LayerSpec& layer = spec.layers[i];
    layer.attention.qk_norm = QkNorm::kHead;
    layer.attention_post_norm = "post_attention_norm";
    layer.ffn_post_norm = "post_ffw_norm";
    if (rotated && !(*rotated)[i]) layer.attention.rope = none;
    if ((i + 1) % interval == 0) layer.feed_forward = mixtures.layers[i].feed_forward;
  }
  return spec;
}

}  // namespace pumice
