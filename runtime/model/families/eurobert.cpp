// EuroBERT: an encoder built as Llama is. Source: Boizard et al. 2025.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_eurobert(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_encoder(reader, RopePairs::kHalves));
  spec.output_norm = "output_norm";
  return spec;
}

}  // namespace pumice
