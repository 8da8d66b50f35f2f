// ModernBERT and Granite Embedding R2: norms before the branches, windows in two of three layers, which rotate by a
// base of their own. A classifier on top of the mean ranks pairs of texts. Source: Warner et al. 2024.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_modern_bert(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_encoder(reader, RopePairs::kHalves, NormKind::kLayer));
  PUMICE_TRY(read_windows(reader, 3, spec, WindowOrder::kDenseFirst));
  PUMICE_TRY(read_sliding_rope(reader, 0, spec));
  PUMICE_ASSIGN(const std::string_view activation, reader.text("hidden_activation", "gelu"));
  if (activation != "gelu" && activation != "silu")
    return error(Status::kUnsupported, "%s is not supported: gelu and silu are",
                 reader.key("hidden_activation").c_str());
  spec.embedding_norm = "token_embd_norm";
  spec.output_norm = "output_norm";
  for (LayerSpec& layer : spec.layers)
    layer.feed_forward.activation = activation == "gelu" ? Activation::kGeluErf : Activation::kSilu;
  if (!reader.file().find_tensor("blk.0.attn_norm.weight")) spec.layers[0].attention_norm = "";
  if (spec.pooling == Pooling::kRank) {
    add_pooled(reader, "cls", spec, PooledForm::kGelu, "cls.norm");
    add_pooled(reader, "cls.output", spec);
    spec.ranked = Pooling::kMean;
  }
  return spec;
}

}  // namespace pumice
