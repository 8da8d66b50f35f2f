// The text of Qwen 2-VL and 2.5-VL. Source: Wang et al. 2024.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_qwen2vl(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_qwen2(reader));
  spec.unused_tensors = {"output.bias"};
  PUMICE_TRY(read_grid_axes(reader, AxisOrder::kRuns, spec));
  return spec;
}

}  // namespace pumice
