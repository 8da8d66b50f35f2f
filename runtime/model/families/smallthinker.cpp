// SmallThinker: a mixture whose router reads what attention reads, with gates that are cut off below zero; layers with
// a window alone rotate. Source: Song et al. 2025.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_smallthinker(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  PUMICE_TRY(read_windows(reader, 4, spec, WindowOrder::kDenseFirst));
  PUMICE_TRY(read_sliding_base(reader, spec));
  PUMICE_TRY(read_mixture(reader, {.early_router = true}, spec, MixtureKeys::kAll));
  const bool windows = reader.has("attention.sliding_window");
  const uint32_t none = add_no_rope(spec);
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    LayerSpec& layer = spec.layers[i];
    layer.feed_forward.activation = Activation::kRelu;
    layer.feed_forward.mixture.normalised = true;
    layer.feed_forward.mixture.scale = 1;
    if (windows && i % 4 == 0) layer.attention.rope = none;
  }
  return spec;
}

}  // namespace pumice
