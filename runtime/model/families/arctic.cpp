// Arctic: beside each layer a mixture, which reads what the layer reads. Source: Snowflake 2024.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_arctic(KeyReader& reader) {
  reader.ignore_rope_factors();
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kAdjacent));
  PUMICE_TRY(read_mixture(reader, {.shared_width = spec.width, .shared_end = "", .early_norm = "ffn_norm_exps"}, spec));
  for (LayerSpec& layer : spec.layers) layer.feed_forward.mixture.shared_width = spec.width;
  return spec;
}

}  // namespace pumice
