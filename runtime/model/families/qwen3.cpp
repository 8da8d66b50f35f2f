// Qwen 3, dense or a mixture, and the text of Qwen 3-VL: Qwen 2 with a norm of each head of q and k.
// Source: Yang et al. 2025 (Qwen3).
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_qwen3(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_qwen2(reader));
  reader.accept("n_deepstack_layers");  // what pictures add to the first layers
  PUMICE_TRY(read_mixture(reader, {}, spec));
  for (LayerSpec& layer : spec.layers) layer.attention.qk_norm = QkNorm::kHead;
  return spec;
}

}  // namespace pumice
