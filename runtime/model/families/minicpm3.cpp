// MiniCPM 3: MiniCPM's scales, with latent attention whose keys and values are products of one matrix.
// Source: OpenBMB 2024.
#include <cmath>

#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_minicpm3(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  PUMICE_TRY(read_latent(reader, spec, "attention.key_length", "attention.value_length"));
  for (const char* name : {"embedding_scale", "residual_scale", "logit_scale"}) reader.accept(name);
  spec.embedding_scale = 12;
  spec.logit_scale = 256 / static_cast<float>(spec.width);
  for (LayerSpec& layer : spec.layers) layer.residual_scale = 1.4f / std::sqrt(static_cast<float>(spec.layers.size()));
  return spec;
}

}  // namespace pumice
