// PLaMo: llama with both blocks side by side behind one norm. Source: Preferred Networks 2023.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_plamo(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  for (LayerSpec& layer : spec.layers) {
    layer.parallel = true;
    layer.ffn_norm = "";
  }
  return spec;
}

}  // namespace pumice
