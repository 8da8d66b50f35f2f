// gpt-oss: a mixture with biases and clamped gates, sinks, and a window in every other layer.
// Source: OpenAI 2025 (gpt-oss model card).
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_gpt_oss(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  PUMICE_TRY(read_windows(reader, 2, spec));
  PUMICE_TRY(read_sliding_base(reader, spec));
  PUMICE_TRY(read_mixture(reader, {.gating = Gating::kSelected}, spec));
  for (LayerSpec& layer : spec.layers) {
    layer.attention.sinks = true;
    layer.ffn_norm = "post_attention_norm";
    layer.feed_forward.activation = Activation::kClamped;
    layer.feed_forward.activation_limit = 7;
  }
  return spec;
}

}  // namespace pumice
