// Phi 1, 1.5 and 2: both blocks side by side behind one layer norm, a part of each head rotated. Source: Li et al.
// 2023.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_phi2(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_starcoder2(reader));
  for (LayerSpec& layer : spec.layers) {
    layer.parallel = true;
    layer.ffn_norm = "";
  }
  return spec;
}

}  // namespace pumice
