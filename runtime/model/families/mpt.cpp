// MPT: GPT-2's layers, with ALiBi, learned positions or both; q, k and v may be limited. Source: MosaicML 2023.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_mpt(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_starcoder2(reader));
  spec.ropes[0] = {};
  spec.learned_positions = reader.file().find_tensor("position_embd.weight") != nullptr;
  PUMICE_ASSIGN(const float alibi, reader.number("attention.max_alibi_bias", 0));
  PUMICE_ASSIGN(const float clip, reader.number("attention.clamp_kqv", 0));
  const bool qk_norm = reader.file().find_tensor("blk.0.attn_q_norm.weight") != nullptr;
  if (!qk_norm) spec.unused_tensors = {"attn_k_norm.weight", "attn_k_norm.bias"};
  const bool divided = reader.file().find_tensor("blk.0.ffn.act.scales") != nullptr;
  for (LayerSpec& layer : spec.layers) {
    layer.feed_forward.divided = divided;
    layer.attention.alibi = alibi;
    layer.attention.clip = clip;
    if (qk_norm) layer.attention.qk_norm = QkNorm::kWhole;
  }
  return spec;
}

}  // namespace pumice
