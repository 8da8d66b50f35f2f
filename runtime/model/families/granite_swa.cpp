// Granite with windows and sinks. Source: measured against llama.cpp 0.7.0.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_granite_swa(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_granite(reader));
  PUMICE_TRY(read_windows(reader, 4, spec));
  for (LayerSpec& layer : spec.layers) layer.attention.sinks = true;
  return spec;
}

}  // namespace pumice
