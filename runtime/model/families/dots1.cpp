// dots.llm1: a mixture with shared experts after dense first layers, with norms of each head of q and k.
// Source: rednote-hilab 2025 (dots.llm1).
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_dots1(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  PUMICE_TRY(read_mixture(reader, {}, spec, MixtureKeys::kAll));
  for (LayerSpec& layer : spec.layers) layer.attention.qk_norm = QkNorm::kHead;
  return spec;
}

}  // namespace pumice
