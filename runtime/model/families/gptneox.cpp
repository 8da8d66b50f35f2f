// GPT-NeoX and Pythia: layer norms, and both blocks side by side unless the file says otherwise. Source: Black et al.
// 2022.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_gptneox(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_starcoder2(reader));
  PUMICE_ASSIGN(const bool parallel, reader.flag("use_parallel_residual", true));
  for (LayerSpec& layer : spec.layers) layer.parallel = parallel;
  return spec;
}

}  // namespace pumice
