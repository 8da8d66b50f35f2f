// NeoBERT: an encoder built as decoders are. Source: Le Breton et al. 2025.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_neo_bert(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_encoder(reader, RopePairs::kAdjacent));
  spec.output_norm = "enc.output_norm";
  return spec;
}

}  // namespace pumice
