// Hunyuan, dense or a mixture, and the text of Hunyuan-VL: norms of each head of q and k after their rotation.
// Source: Tencent 2024 (Hunyuan-Large).
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_hunyuan(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_qwen2(reader));
  PUMICE_TRY(read_mixture(reader, {}, spec));
  for (LayerSpec& layer : spec.layers) {
    layer.attention.qk_norm = QkNorm::kHead;
    layer.attention.norm_after_rope = true;
  }
  return spec;
}

}  // namespace pumice
