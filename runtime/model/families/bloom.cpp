// BLOOM: GPT-2's layers behind a norm of the embedding; scores fall with distance (ALiBi). Source: BigScience 2022.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_bloom(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_starcoder2(reader));
  reader.accept("attention.max_alibi_bias");
  spec.ropes[0] = {};
  spec.embedding_norm = "token_embd_norm";
  for (LayerSpec& layer : spec.layers) layer.attention.alibi = 8;
  return spec;
}

}  // namespace pumice
