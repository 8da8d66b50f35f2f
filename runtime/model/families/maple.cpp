// Maple: Qwen 3 as a mixture with windows and a soft cap of scores. Source: measured against llama.cpp 0.7.0.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_maple(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_mellum(reader));
  PUMICE_ASSIGN(const float softcap, reader.number("attn_logit_softcapping", 0));
  for (LayerSpec& layer : spec.layers) layer.attention.softcap = softcap;
  return spec;
}

}  // namespace pumice
