// BERT and its kin (MiniLM, BGE, E5, GTE): learned positions, norms behind the sums. A classifier on top ranks pairs of
// texts. Source: Devlin et al. 2018.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_bert(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_encoder(reader, RopePairs::kHalves, NormKind::kLayer));
  spec.ropes[0] = {};
  spec.learned_positions = true;
  spec.embedding_norm = "token_embd_norm";
  for (LayerSpec& layer : spec.layers) {
    layer.attention_norm = layer.ffn_norm = "";
    layer.attention_sum_norm = "attn_output_norm";
    layer.ffn_sum_norm = "layer_output_norm";
    layer.feed_forward.gated = false;
    layer.feed_forward.activation = Activation::kGeluErf;
  }
  if (spec.pooling == Pooling::kRank) {
    add_pooled(reader, "cls", spec, PooledForm::kTanh);
    add_pooled(reader, "cls.output", spec);
  }
  return spec;
}

}  // namespace pumice
