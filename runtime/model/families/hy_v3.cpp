// Hunyuan 3: Qwen 3 as a mixture chosen by sigmoids with a bias, with shared experts. Source: Tencent 2026.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_hy_v3(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_qwen2(reader));
  PUMICE_TRY(read_mixture(reader, {.gating = Gating::kSigmoid, .normalised = false}, spec, MixtureKeys::kAll));
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    spec.layers[i].attention.qk_norm = QkNorm::kHead;
    // A mixture's dense block, which some files have, too, is not computed.
    const std::string block = "blk." + std::to_string(i);
    if (reader.file().find_tensor(block + ".ffn_gate_inp.weight"))
      for (const char* name : {".ffn_gate.weight", ".ffn_up.weight", ".ffn_down.weight"})
        spec.unused_tensors.push_back(block + name);
    else
      spec.layers[i].feed_forward.mixture = {};
  }
  return spec;
}

}  // namespace pumice
