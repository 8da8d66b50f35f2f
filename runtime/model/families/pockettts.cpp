// The language model of Pocket TTS: GPT-2's layers that rotate. Source: Kyutai 2026.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_pockettts(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_starcoder2(reader));
  spec.ropes[0].pairs = RopePairs::kAdjacent;
  return spec;
}

}  // namespace pumice
