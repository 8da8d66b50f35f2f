// Nemotron-H: each layer is one of Mamba 2, attention without positions, and a feed-forward block.
// Source: NVIDIA 2025 (Nemotron-H).
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_nemotron_h(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  PUMICE_ASSIGN(const RecurrenceSpec recurrence, read_recurrence(reader, RecurrenceKind::kMamba2));
  PUMICE_TRY(read_mixture(reader, {.gating = Gating::kSigmoid}, spec, true));
  spec.ropes[0] = {};
  for (LayerSpec& layer : spec.layers) {
    FeedForwardSpec& feed_forward = layer.feed_forward;
    feed_forward.gated = false;
    feed_forward.activation = Activation::kSquaredRelu;
    layer.ffn_norm = feed_forward.width != 0 ? "attn_norm" : "";
    if (feed_forward.width != 0) {
      layer.attention = {};
      layer.attention_norm = "";
    } else if (layer.attention.heads == 0) {
      layer.recurrence = recurrence;
    }
  }
  return spec;
}

}  // namespace pumice
