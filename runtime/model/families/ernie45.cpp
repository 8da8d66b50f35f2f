// ERNIE 4.5, dense (whose files may state experts that they have not) or a mixture. Source: Baidu 2025.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_ernie45(KeyReader& reader) {
  reader.accept("rope.dimension_sections");  // of pictures
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kAdjacent));
  if (reader.architecture() == "ernie4_5-moe") PUMICE_TRY(read_mixture(reader, {}, spec));
  spec.unused_tensors = {"attn_output.bias"};
  return spec;
}

}  // namespace pumice
