// Maincoder: llama with norms of each head of q and k after their rotation. Source: Maincode 2025.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_maincoder(KeyReader& reader) {
  reader.ignore_rope_factors();
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kAdjacent));
  for (LayerSpec& layer : spec.layers) {
    layer.attention.qk_norm = QkNorm::kHead;
    layer.attention.norm_after_rope = true;
  }
  return spec;
}

}  // namespace pumice
