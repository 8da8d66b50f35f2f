// Nomic Embed: BERT with rotated heads instead of learned positions and a gated feed-forward block; the second version
// has a mixture of plain experts in every other layer. Source: Nussbaum et al. 2024; Nussbaum and Duderstadt 2025.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_nomic_bert(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_bert(reader));
  PUMICE_ASSIGN(spec.ropes[0],
                read_rope(reader, RopePairs::kHalves, spec.layers[0].attention.head_dim, spec.context_length));
  spec.learned_positions = false;
  for (LayerSpec& layer : spec.layers) {
    layer.feed_forward.gated = true;
    layer.feed_forward.activation = Activation::kSilu;
  }
  return spec;
}

Result<ModelSpec> describe_nomic_bert_moe(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_nomic_bert(reader));
  PUMICE_ASSIGN(const uint32_t period, reader.required("moe_every_n_layers", 1024));
  PUMICE_TRY(read_mixture(reader, {.normalised = false}, spec));
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    FeedForwardSpec& block = spec.layers[i].feed_forward;
    block.gated = false;
    block.activation = Activation::kGeluErf;
    if (i % period != 1 % period) block.mixture = {};
  }
  return spec;
}

}  // namespace pumice
