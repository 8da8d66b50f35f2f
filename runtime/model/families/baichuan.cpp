// Baichuan: Llama in its smaller size. The larger one does not rotate, and adds to its scores by distance.
// Source: Yang et al. 2023 (Baichuan 2).
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_baichuan(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_llama(reader));
  if (spec.layers.size() != 32) spec.ropes[0] = {};
  for (LayerSpec& layer : spec.layers)
    if (spec.layers.size() == 40) layer.attention.alibi = 8;
  return spec;
}

}  // namespace pumice
