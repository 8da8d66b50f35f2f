// DeepSeek V3.2 and GLM 5: DeepSeek V3 with a part that chooses among the keys where there are more than it takes.
// Source: DeepSeek-AI 2025 (DeepSeek-V3.2).
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_deepseek32(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_deepseek2(reader));
  reader.accept("rope.dimension_sections");
  PUMICE_TRY(read_indexer(reader, 1, spec));
  return spec;
}

}  // namespace pumice
