// Seed-OSS: llama with pairs of halves, whose second norm has another name. Source: ByteDance 2025.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_seed_oss(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  for (LayerSpec& layer : spec.layers) layer.ffn_norm = "post_attention_norm";
  return spec;
}

}  // namespace pumice
