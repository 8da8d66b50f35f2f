// StableLM 2: llama with layer norms and a part of each head rotated; the large one has both blocks side by side, and
// norms of each head of q and k.
// Source: Bellagente et al. 2024.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_stablelm(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves, NormKind::kLayer));
  if (reader.file().find_tensor("blk.0.attn_q_norm.weight"))
    for (LayerSpec& layer : spec.layers) layer.attention.qk_norm = QkNorm::kEachHead;
  if (!reader.file().find_tensor("blk.0.ffn_norm.weight"))
    for (LayerSpec& layer : spec.layers) {
      layer.parallel = true;
      layer.ffn_norm = "";
    }
  return spec;
}

}  // namespace pumice
