// The text of CogVLM: llama with q, k and v in one matrix; pictures have weights of their own. Source: Wang et al.
// 2023.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_cogvlm(KeyReader& reader) {
  reader.ignore_rope_factors();
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kHalves));
  spec.unused_tensors = {"vis_attn_qkv.weight", "vis_attn_output.weight", "vis_gate.weight", "vis_up.weight",
                         "vis_down.weight"};
  return spec;
}

}  // namespace pumice
