// LFM2, dense or a mixture: short convolutions, and attention in the layers that have KV heads.
// Source: Liquid AI 2025 (LFM2 Technical Report).
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_lfm2(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  PUMICE_ASSIGN(const uint32_t taps, reader.required("shortconv.l_cache", kConvMostTaps));
  PUMICE_TRY(read_windows(reader, 0, spec));
  PUMICE_TRY(read_mixture(reader, {.gating = Gating::kSigmoid}, spec, MixtureKeys::kGating));
  spec.output_norm = "token_embd_norm";
  for (LayerSpec& layer : spec.layers) {
    layer.attention.qk_norm = QkNorm::kHead;
    if (layer.attention.heads == 0)
      layer.recurrence = {.kind = RecurrenceKind::kShortConv, .taps = taps, .heads = 1, .value_dim = spec.width};
  }
  return spec;
}

}  // namespace pumice
