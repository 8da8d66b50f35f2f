// Phi 3.5 MoE: Phi 3 as a mixture, whose norms have biases. Source: Abdin et al. 2024.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_phimoe(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  spec.biased_norms = true;
  PUMICE_TRY(read_mixture(reader, {}, spec));
  return spec;
}

}  // namespace pumice
