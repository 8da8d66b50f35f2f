// Spark 2.5: windows, a gate of each head, and GELU gates. Source: iFLYTEK 2026.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_spark25(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  PUMICE_TRY(read_windows(reader, 0, spec));
  for (LayerSpec& layer : spec.layers) {
    layer.attention.gate_width = layer.attention.heads;
    layer.feed_forward.activation = Activation::kGelu;
  }
  return spec;
}

}  // namespace pumice
