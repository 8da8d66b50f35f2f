#include "model/inert.h"

#include <algorithm>
#include <string>

namespace pumice {
namespace {

// Whatever their value. One that ends in a dot or an underscore stands for all that begin with it.
constexpr std::string_view kInertKeys[] = {
    // What other keys and the tensors say, too, and what nobody reads.
    "vocab_size", "tensor_data_layout", "rope.scaling.finetuned", "rope.scaling.yarn_attn_factor",
    // For embeddings of whole texts, and for classifiers.
    "pooling_type", "classifier.", "dense_2_", "dense_3_",
    // Of norms of other kinds.
    "attention.layer_norm_epsilon", "attention.group_norm_",
    // Of sliding layers, of which there are none without a window.
    "attention.sliding_window_pattern", "attention.key_length_swa", "attention.value_length_swa",
    "attention.key_length_mla_swa", "attention.value_length_mla_swa", "attention.kv_lora_rank_swa",
    "rope.dimension_count_swa", "rope.freq_base_swa",
    // Of a mixture, which there is not without experts.
    "expert_", "experts_per_group", "leading_dense_block_count", "interleave_moe_layer_step", "moe_",
    "attention.value_expert_", "router_logit_softcapping", "swiglu_clamp_",
    // Of encoders with a decoder.
    "decoder_start_token_id", "decoder_block_count", "attention.relative_buckets_count",
    // Of pictures, which take other positions.
    "rope.section_order", "deepstack_mapping", "features_length",
    // Of blocks that have tensors of their own; those would be refused.
    "ssm.", "wkv.", "kda.", "shortconv.", "posnet.", "convnext.", "xielu.", "hyper_connection.", "activation.",
    "attn_res.", "hrm.", "attention.indexer.", "attention.q_lora_rank", "attention.kv_lora_rank",
    "attention.decay_lora_rank", "attention.iclr_lora_rank", "attention.value_residual_mix_lora_rank",
    "attention.gate_lora_rank", "attention.output_lora_rank", "attention.output_group_count", "attention.compress_",
    "attention.key_length_mla", "attention.value_length_mla", "attention.recurrent_layers",
    "attention.shared_kv_layers", "full_attention_interval", "hash_layer_count", "embedding_length_per_layer_input",
    "time_mix_extra_dim", "time_decay_extra_dim", "token_shift_count"};

struct NeutralKey {
  std::string_view name;
  std::string_view values[2];  // as render() shows them; any other asks for something that is not computed
};

constexpr NeutralKey kNeutralKeys[] = {
    // Factors that are not applied.
    {"logit_scale", {"0", "1"}},
    {"embedding_scale", {"0", "1"}},
    {"residual_scale", {"0", "1"}},
    {"attention.output_scale", {"0", "1"}},
    {"attention.value_scale", {"0", "1"}},
    {"rope.scaling.alpha", {"0", "1"}},
    // Limits that are not there; llama.cpp's saver writes its defaults even so.
    {"attn_logit_softcapping", {"0", "50"}},
    {"final_logit_softcapping", {"0", "30"}},
    {"attention.clamp_kqv", {"0"}},
    // Parts that there are not.
    {"attention.max_alibi_bias", {"0"}},
    {"attention.sliding_window", {"0"}},
    {"attention.temperature_scale", {"0"}},
    {"attention.temperature_length", {"0"}},
    {"nextn_predict_layers", {"0"}},
    {"n_deepstack_layers", {"0"}},
    {"rescale_every_n_layers", {"0"}},
    {"use_parallel_residual", {"false"}},
    {"swin_norm", {"false"}},
    {"rope.dimension_sections", {"[0, 0, 0, 0]"}},
    // What is computed: every layer rotates, and the activation.
    {"attention.rope_pattern", {"1", "true"}},
    {"hidden_activation", {"\"silu\"", "\"swiglu\""}},
};

bool stands_for(std::string_view known, std::string_view name) {
  return known.ends_with('.') || known.ends_with('_') ? name.starts_with(known) : name == known;
}

}  // namespace

bool is_inert_key(std::string_view name, const GgufValue& value) {
  if (std::any_of(std::begin(kInertKeys), std::end(kInertKeys), [&](auto known) { return stands_for(known, name); }))
    return true;
  const auto* key = std::find_if(std::begin(kNeutralKeys), std::end(kNeutralKeys),
                                 [&](const NeutralKey& known) { return known.name == name; });
  if (key == std::end(kNeutralKeys)) return false;
  const std::string shown = render(value);
  return shown == key->values[0] || shown == key->values[1];
}

bool is_inert_tensor(std::string_view name) {
  // Their factors are in RopeSpec::radians.
  if (name == "rope_freqs.weight" || name == "rope_factors_long.weight" || name == "rope_factors_short.weight")
    return true;
  if (name.starts_with("cls.")) return true;        // a classifier on top, for rerankers
  if (name.ends_with(".input_scale")) return true;  // NVFP4: for activations of 4 bits, which are not computed with
  return name.starts_with("blk.") && name.ends_with(".attn_rot_embd");  // the angles of rope.freq_base, written out
}

}  // namespace pumice
