// CogVLM: Llama's layers; those for pictures lie beside them. Source: Wang et al. 2023.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_cogvlm(KeyReader& reader) {
  reader.ignore_rope_factors();
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  for (const char* name : {"attn_qkv", "attn_output", "gate", "up", "down"})
    spec.unused_tensors.push_back(".vis_" + std::string(name) + ".weight");
  return spec;
}

}  // namespace pumice
