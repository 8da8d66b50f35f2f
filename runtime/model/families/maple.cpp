// Maple: layers with a window rotate, the others do not; a mixture with limits. Source: its files.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_maple(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  PUMICE_TRY(read_windows(reader, 0, spec));
  PUMICE_TRY(read_mixture(reader, {}, spec));
  PUMICE_ASSIGN(const std::vector<float> limits, reader.each_number("swiglu_clamp_exp", spec.layers.size(), 0));
  const uint32_t none = add_no_rope(spec);
  for (size_t i = 0; i < limits.size(); ++i) {
    LayerSpec& layer = spec.layers[i];
    layer.attention.qk_norm = QkNorm::kHead;
    if (layer.attention.window == 0) layer.attention.rope = none;
    if (limits[i] > 0) layer.feed_forward.activation = Activation::kLimited;
    layer.feed_forward.activation_limit = limits[i];
  }
  return spec;
}

}  // namespace pumice
