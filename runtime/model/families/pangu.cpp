// openPangu Embedded: Qwen 2 with a bias of the attention output. Source: Huawei 2025.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_pangu(KeyReader& reader) {
  reader.ignore_rope_factors();
  PUMICE_ASSIGN(const ModelSpec spec, describe_qwen2(reader));
  return spec;
}

}  // namespace pumice
