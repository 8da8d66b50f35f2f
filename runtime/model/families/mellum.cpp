// Mellum as a mixture: Qwen 3 with a window in some layers. Source: measured against llama.cpp 0.7.0.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_mellum(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  PUMICE_TRY(read_mixture(reader, {}, spec, MixtureKeys::kAll));
  for (LayerSpec& layer : spec.layers) {
    layer.attention.qk_norm = QkNorm::kHead;
    layer.feed_forward.mixture.scale = 1;
  }
  PUMICE_TRY(read_windows(reader, 4, spec));
  PUMICE_TRY(read_sliding_rope(reader, 0, spec));
  return spec;
}

}  // namespace pumice
