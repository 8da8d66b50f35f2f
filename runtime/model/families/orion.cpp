// Orion: llama with layer norms. Source: Chen et al. 2024.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_orion(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves, NormKind::kLayer));
  return spec;
}

}  // namespace pumice
