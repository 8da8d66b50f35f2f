// Qwen 1.5 and 2 as a mixture: weights are the probabilities themselves, and a gate weighs the shared experts.
// Source: Qwen team 2024 (Qwen1.5-MoE).
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_qwen2moe(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_qwen2(reader));
  PUMICE_TRY(read_mixture(reader, {.normalised = false, .shared_gate = true}, spec));
  return spec;
}

}  // namespace pumice
