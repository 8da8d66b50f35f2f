// Qwen 1, whose files state twice the width of the feed-forward block. Source: Bai et al. 2023.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_qwen(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  for (LayerSpec& layer : spec.layers) layer.feed_forward.width /= 2;
  return spec;
}

}  // namespace pumice
