// A small random model of any family: its keys are given, its tensors follow from what the family says that it
// computes. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "support/gguf_writer.h"

namespace pumice::test {

struct FamilyModel {
  std::string architecture;
  std::function<void(GgufWriter&, const std::string& prefix)> keys;  // more than the shape; prefix: "qwen3."
  uint32_t layers = 2, width = 64;
  uint32_t heads = 4, kv_heads = 2;  // 0: among the keys
  uint32_t ffn = 96, vocabulary = 300, context = 1024;
  std::vector<int32_t> layer_kv_heads, layer_ffn;  // where layers differ
  bool fused_qkv = false;                          // q, k and v in one tensor
  bool fused_gate = false;                         // gate and up in ffn_up
  bool qkv_biases = false;
  bool keys_are_values = false;  // no attn_v
  bool biases = false;           // of norms, of the attention output and of the feed-forward block
  bool expert_biases = false;    // of the router and of all experts
  bool selection_bias = false;   // exp_probs_b
  bool merged_experts = false;   // ffn_gate_up_exps
  bool joined_latent = false;    // attn_kv_b
  // Names of tensors by whose presence the family decides what it computes.
  std::vector<std::string> signs;
  uint32_t sign_rows = 1;              // of them, as far as they are matrices
  bool rope_factors = false;           // rope_factors_long and _short
  TensorType type = TensorType::kF32;  // of matrices; experts too
  uint64_t seed = 1;
};

using FamilyKeys = std::function<void(GgufWriter&, const std::string& prefix)>;

inline FamilyKeys mixture_keys(uint32_t experts, uint32_t used, uint32_t width, const FamilyKeys& more = {}) {
  return [=](GgufWriter& w, const std::string& p) {
    w.u32(p + "expert_count", experts).u32(p + "expert_used_count", used);
    w.u32(p + "expert_feed_forward_length", width);
    if (more) more(w, p);
  };
}

inline FamilyKeys window_keys(uint32_t tokens) {
  return [=](GgufWriter& w, const std::string& p) { w.u32(p + "attention.sliding_window", tokens); };
}

std::vector<std::byte> make_family_model(const FamilyModel& model);

}  // namespace pumice::test
