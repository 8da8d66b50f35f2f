// GPT-2 and StarCoder 1: learned positions, layer norms, a feed-forward block without a gate. Source: Radford et al.
// 2019.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_gpt2(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_starcoder2(reader));
  spec.ropes[0] = {};
  spec.learned_positions = true;
  return spec;
}

}  // namespace pumice
