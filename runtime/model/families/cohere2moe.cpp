// Cohere's mixture: both blocks side by side behind one norm; layers with a window rotate, and dense ones. The mean of
// chosen and shared experts is taken. Source: Cohere 2026.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_cohere2moe(KeyReader& reader) {
  PUMICE_ASSIGN(const float rms_eps, reader.number("attention.layer_norm_rms_epsilon", 0));
  PUMICE_ASSIGN(ModelSpec spec,
                read_decoder(reader, RopePairs::kAdjacent, rms_eps == 0 ? NormKind::kLayer : NormKind::kRms));
  PUMICE_ASSIGN(spec.logit_scale, reader.factor("logit_scale"));
  PUMICE_TRY(read_windows(reader, 4, spec, WindowOrder::kDenseFirst));
  PUMICE_TRY(read_mixture(reader, {.gating = Gating::kSigmoid, .normalised = false}, spec, MixtureKeys::kAll));
  const uint32_t none = add_no_rope(spec);
  for (LayerSpec& layer : spec.layers) {
    layer.parallel = true;
    layer.ffn_norm = "";
    MixtureSpec& mixture = layer.feed_forward.mixture;
    if (mixture.shared_width != 0) mixture.sum_scale = 0.5f;
    if (mixture.experts != 0 && layer.attention.window == 0) layer.attention.rope = none;
  }
  return spec;
}

}  // namespace pumice
