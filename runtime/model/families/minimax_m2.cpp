// MiniMax M2: a mixture chosen by sigmoids with a bias, with norms of all heads of q and of k together.
// Source: MiniMax 2025.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_minimax_m2(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  PUMICE_TRY(read_mixture(reader, {.gating = Gating::kSigmoid}, spec, MixtureKeys::kGating));
  for (LayerSpec& layer : spec.layers) layer.attention.qk_norm = QkNorm::kWhole;
  return spec;
}

}  // namespace pumice
