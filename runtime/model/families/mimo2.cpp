// MiMo V2: a mixture chosen by sigmoids with a bias; windows and sinks in most layers, which rotate by a base of their
// own. Source: Xiaomi 2025.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_mimo2(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_hy_v3(reader));
  PUMICE_TRY(read_windows(reader, 0, spec));
  PUMICE_TRY(read_sliding_rope(reader, 0, spec));
  PUMICE_ASSIGN(const float value_scale, reader.factor("attention.value_scale"));
  for (const char* name : {"attn_q.bias", "attn_k.bias", "attn_v.bias"}) spec.unused_tensors.push_back(name);
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    spec.layers[i].attention.qk_norm = QkNorm::kNone;
    spec.layers[i].attention.value_scale = value_scale;
    MixtureSpec& mixture = spec.layers[i].feed_forward.mixture;
    mixture.gating = Gating::kSigmoid;
    mixture.normalised = true;
    mixture.scale = 1;
    spec.layers[i].attention.sinks =
        reader.file().find_tensor("blk." + std::to_string(i) + ".attn_sinks.weight") != nullptr;
  }
  return spec;
}

}  // namespace pumice
