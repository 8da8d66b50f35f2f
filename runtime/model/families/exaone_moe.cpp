// EXAONE as a mixture, whose layers with a window alone rotate. Source: measured against llama.cpp 0.7.0.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_exaone_moe(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  PUMICE_TRY(read_windows(reader, 4, spec));
  PUMICE_TRY(read_mixture(reader, {.gating = Gating::kSigmoid}, spec, MixtureKeys::kAll));
  const uint32_t none = add_no_rope(spec);
  for (LayerSpec& layer : spec.layers) {
    layer.attention.qk_norm = QkNorm::kHead;
    if (layer.attention.window == 0) layer.attention.rope = none;
  }
  return spec;
}

}  // namespace pumice
