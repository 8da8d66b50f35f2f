// Laguna: a mixture with gates of the heads, and a window in some layers, which rotate by a base of their own.
// Source: poolside 2026.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_laguna(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  PUMICE_TRY(read_windows(reader, 4, spec, WindowOrder::kDenseFirst));
  PUMICE_TRY(read_sliding_rope(reader, 0, spec));
  PUMICE_TRY(read_mixture(reader, {.gating = Gating::kSigmoid, .normalised = false}, spec, MixtureKeys::kAll));
  const GgufTensor* gate = reader.file().find_tensor("blk.0.attn_gate.weight");
  for (LayerSpec& layer : spec.layers) {
    AttentionSpec& attention = layer.attention;
    attention.qk_norm = QkNorm::kHead;
    attention.gate = Activation::kSoftplus;
    const bool by_head = gate && gate->rows() == spec.layers[0].attention.heads;
    attention.gate_width = by_head ? attention.heads : attention.q_width();
  }
  return spec;
}

}  // namespace pumice
