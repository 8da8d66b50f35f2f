// Baichuan: Llama in its smaller size. The larger one does not rotate, and adds to its scores by distance.
// Source: Yang et al. 2023 (Baichuan 2).
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_baichuan(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_llama(reader));
  if (spec.layers.size() == 40)
    return error(Status::kUnsupported, "Baichuan's larger size, which adds to scores by distance, is not supported");
  if (spec.layers.size() != 32) spec.ropes[0] = {};
  return spec;
}

}  // namespace pumice
