// Command R7B and A: Command R with a window in three of four layers, which alone rotate. Source: Cohere 2025.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_cohere2(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_command_r(reader));
  PUMICE_TRY(read_windows(reader, 4, spec));
  const uint32_t none = add_no_rope(spec);
  for (LayerSpec& layer : spec.layers)
    if (layer.attention.window == 0) layer.attention.rope = none;
  return spec;
}

}  // namespace pumice
