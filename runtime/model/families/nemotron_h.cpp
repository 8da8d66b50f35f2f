// Nemotron-H and Nemotron 3: each layer is one of Mamba 2, attention without positions, and a feed-forward block or a
// mixture.
// Source: NVIDIA 2025 (Nemotron-H).
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_nemotron_h(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  PUMICE_ASSIGN(const RecurrenceSpec recurrence, read_recurrence(reader, RecurrenceKind::kMamba2));
  std::vector<bool> feeds;
  for (const LayerSpec& layer : spec.layers) feeds.push_back(layer.feed_forward.width != 0);
  PUMICE_TRY(read_mixture(reader, {.gating = Gating::kSigmoid}, spec, MixtureKeys::kAll));
  PUMICE_TRY(read_latent_experts(reader, spec));
  spec.ropes[0] = {};
  for (size_t i = 0; i < feeds.size(); ++i) {
    LayerSpec& layer = spec.layers[i];
    layer.feed_forward.gated = false;
    layer.feed_forward.activation = Activation::kSquaredRelu;
    layer.ffn_norm = feeds[i] ? "attn_norm" : "";
    if (feeds[i]) {
      layer.attention = {};
      layer.attention_norm = "";
      continue;
    }
    layer.feed_forward.width = 0;
    layer.feed_forward.mixture = {};
    if (layer.attention.heads == 0) layer.recurrence = recurrence;
  }
  return spec;
}

}  // namespace pumice
