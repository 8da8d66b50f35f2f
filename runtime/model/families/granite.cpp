// Granite 3 and 4: llama with a scale of embeddings, of both branches, of scores and of logits, dense or a
// mixture.
// Source: IBM 2024 (Granite 3.0).
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_granite(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kAdjacent));
  PUMICE_ASSIGN(spec.embedding_scale, reader.factor("embedding_scale"));
  PUMICE_ASSIGN(const float residual_scale, reader.factor("residual_scale"));
  PUMICE_ASSIGN(const float logit_divisor, reader.factor("logit_scale"));
  // Dense files say so where they do not rotate.
  PUMICE_ASSIGN(const bool finetuned, reader.flag("rope.scaling.finetuned", true));
  if (!finetuned && reader.architecture() == "granite") spec.ropes[0] = {};
  PUMICE_ASSIGN(const float scale, reader.number("attention.scale", 0));
  for (LayerSpec& layer : spec.layers) {
    layer.residual_scale = residual_scale;
    if (scale != 0) layer.attention.scale = scale;
  }
  spec.logit_scale = 1 / logit_divisor;
  PUMICE_TRY(read_mixture(reader, {}, spec));
  return spec;
}

}  // namespace pumice
