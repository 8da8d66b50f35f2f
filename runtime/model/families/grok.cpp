// Grok 1 and 2: a mixture with GELU gates, beside which a dense block may lie; scores and logits have soft caps.
// Source: xAI 2024.
#include <numbers>

#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_grok(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  PUMICE_ASSIGN(spec.embedding_scale, reader.factor("embedding_scale", 78.38367f));
  PUMICE_ASSIGN(spec.logit_scale, reader.factor("logit_scale", 0.57735026f));
  PUMICE_ASSIGN(spec.logit_softcap, reader.number("final_logit_softcapping", 0));
  PUMICE_ASSIGN(const float softcap, reader.number("attn_logit_softcapping", 30));
  PUMICE_ASSIGN(const float scale, reader.factor("attention.output_scale", 0.08838835f));
  PUMICE_TRY(read_mixture(reader, {.shared_end = ""}, spec));
  PUMICE_ASSIGN(const uint32_t dense_width, reader.required("feed_forward_length", 1u << 20));
  const bool dense = reader.file().find_tensor("blk.0.ffn_up.weight") != nullptr;
  const bool old = reader.file().find_tensor("blk.0.layer_output_norm.weight") != nullptr;
  for (LayerSpec& layer : spec.layers) {
    layer.attention.softcap = softcap;
    layer.attention.scale = scale;
    layer.attention_post_norm = "attn_output_norm";
    layer.ffn_post_norm = old ? "layer_output_norm" : "post_ffw_norm";
    layer.feed_forward.activation = Activation::kGelu;
    if (!dense) continue;
    layer.feed_forward.mixture.shared_width = dense_width;
    layer.feed_forward.mixture.sum_scale = std::numbers::sqrt2_v<float> / 2;
  }
  return spec;
}

}  // namespace pumice
