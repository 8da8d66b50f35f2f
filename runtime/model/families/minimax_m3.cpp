// MiniMax M3: norms of each head, a mixture with limits, and a part that chooses among blocks of keys. Source: MiniMax
// 2026.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_minimax_m3(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  PUMICE_TRY(read_mixture(reader, {.normalised = false}, spec, MixtureKeys::kAll));
  PUMICE_ASSIGN(const uint32_t block, reader.required("attention.indexer.block_size", 1u << 20));
  PUMICE_TRY(read_indexer(reader, block, spec));
  for (LayerSpec& layer : spec.layers) {
    layer.attention.qk_norm = QkNorm::kHead;
    layer.feed_forward.activation = Activation::kClamped;
    layer.feed_forward.activation_limit = 7;
  }
  return spec;
}

}  // namespace pumice
