// Command R and Cohere's models before 2: layer norms without biases, attention and feed-forward block side by side,
// and a scale of logits; the large ones have norms of each head of q and k. Source: Cohere 2024.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_command_r(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kAdjacent, NormKind::kLayer));
  PUMICE_ASSIGN(spec.logit_scale, reader.factor("logit_scale"));
  const bool normed = reader.file().find_tensor("blk.0.attn_q_norm.weight") != nullptr;
  for (LayerSpec& layer : spec.layers) {
    if (normed) layer.attention.qk_norm = QkNorm::kEachHead;
    layer.parallel = true;
    layer.ffn_norm = "";
  }
  return spec;
}

}  // namespace pumice
