// Llama 1 to 3 and all that share its tensors: Mistral, Mixtral, TinyLlama, SmolLM, InternLM 2, …
// Source: Touvron et al. 2023; Jiang et al. 2024; tensor names and keys of the GGUF specification.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_llama(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kAdjacent));
  PUMICE_TRY(read_mixture(reader, {}, spec));
  return spec;
}

}  // namespace pumice
