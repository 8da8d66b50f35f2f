// A small random model of every family on the device against the reference: prompts that cross slices, pages and the
// edges of windows, and decode steps behind them.
#include "model/families/families.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <set>

#include "model/llama_comparison.h"
#include "model/model.h"
#include "support/family_model.h"
#include "support/slice.h"

namespace pumice::test::families_test {

using Keys = FamilyKeys;

void narrow_values(GgufWriter& w, const std::string& p) {
  window_keys(20)(w, p);
  w.u32(p + "attention.key_length", 24).u32(p + "attention.value_length", 16).f32(p + "attention.value_scale", 0.7f);
}
void shared(GgufWriter& w, const std::string& p) {
  w.u32(p + "expert_shared_count", 2).u32(p + "leading_dense_block_count", 1).f32(p + "expert_weights_scale", 1.5f);
}
void groups(GgufWriter& w, const std::string& p) {
  w.u32(p + "expert_group_count", 4).u32(p + "expert_group_used_count", 2).u32(p + "expert_gating_func", 2);
}
void shared_width(GgufWriter& w, const std::string& p) { w.u32(p + "expert_shared_feed_forward_length", 48); }
void clip(GgufWriter& w, const std::string& p) { w.f32(p + "attention.clamp_kqv", 1); }
void alternating_windows(GgufWriter& w, const std::string& p) {
  w.u32(p + "attention.sliding_window", 20).i32s(p + "attention.sliding_window_pattern", {1, 0});
}
void limited_windows(GgufWriter& w, const std::string& p) {
  alternating_windows(w, p);
  w.f32(p + "swiglu_clamp_exp", 0.5f);
}
void latent_experts(GgufWriter& w, const std::string& p) {
  w.u32(p + "attention.sliding_window", 20).i32s(p + "attention.sliding_window_pattern", {1, 1, 0, 0});
  w.i32s(p + "attention.rope_pattern", {1, 0, 0, 1});
  w.u32(p + "interleave_moe_layer_step", 2).u32(p + "moe_latent_size", 40);
}
void norm_groups(GgufWriter& w, const std::string& p) { w.u32(p + "attention.group_norm_groups", 8); }
void chunks(GgufWriter& w, const std::string& p) { w.u32(p + "interleave_moe_layer_step", 2); }
void alibi(GgufWriter& w, const std::string& p) { w.f32(p + "attention.max_alibi_bias", 8); }
void alibi_and_clip(GgufWriter& w, const std::string& p) {
  alibi(w, p);
  clip(w, p);
}
void other_heads(GgufWriter& w, const std::string& p) {
  w.i32s(p + "attention.head_count", {4, 6, 2}).i32s(p + "attention.head_count_kv", {2, 3, 1});
  w.u32(p + "attention.key_length", 16).u32(p + "attention.value_length", 16);
}
// Layers of both kinds that read the cache of earlier ones, and embeddings for each layer.
void small_gemma4(GgufWriter& w, const std::string& p) {
  w.u32(p + "attention.sliding_window", 20).i32s(p + "attention.sliding_window_pattern", {1, 0, 1, 0, 1, 0});
  w.u32(p + "attention.shared_kv_layers", 2).u32(p + "embedding_length_per_layer_input", 32);
  w.u32(p + "attention.key_length", 32).u32(p + "attention.value_length", 32).u32(p + "attention.key_length_swa", 16);
  w.u32(p + "rope.dimension_count", 32).u32(p + "rope.dimension_count_swa", 16);
}
void large_gemma4(GgufWriter& w, const std::string& p) {
  w.u32(p + "attention.sliding_window", 20).i32s(p + "attention.sliding_window_pattern", {1, 0, 1});
  w.i32s(p + "attention.head_count_kv", {4, 2, 4}).u32(p + "attention.head_count", 4);
  w.u32(p + "attention.key_length", 32).u32(p + "attention.value_length", 32).u32(p + "attention.key_length_swa", 16);
  w.u32(p + "rope.dimension_count", 32).u32(p + "rope.dimension_count_swa", 16);
}
void latent(GgufWriter& w, const std::string& p) {
  w.u32(p + "attention.kv_lora_rank", 40).u32(p + "attention.key_length_mla", 24);
  w.u32(p + "attention.value_length_mla", 32).u32(p + "rope.dimension_count", 8);
  w.u32(p + "attention.key_length", 48).u32(p + "attention.value_length", 40);
  shared(w, p);
}
void latent_queries(GgufWriter& w, const std::string& p) {
  latent(w, p);
  w.u32(p + "attention.q_lora_rank", 36).f32(p + "attention.temperature_scale", 0.3f);
  w.u32(p + "attention.temperature_length", 16);
  groups(w, p);
}
void indexed_latent(GgufWriter& w, const std::string& p) {
  latent(w, p);
  w.u32(p + "attention.indexer.top_k", 1024);
}
void indexed(GgufWriter& w, const std::string& p) {
  shared(w, p);
  w.u32(p + "attention.indexer.top_k", 16).u32(p + "attention.indexer.block_size", 64);
}
void small_latent(GgufWriter& w, const std::string& p) {
  w.u32(p + "attention.kv_lora_rank", 40).u32(p + "attention.q_lora_rank", 36).u32(p + "rope.dimension_count", 8);
  w.u32(p + "attention.key_length", 24).u32(p + "attention.value_length", 32);
}
void no_plain_latent(GgufWriter& w, const std::string& p) {
  w.u32(p + "attention.kv_lora_rank", 40).u32(p + "attention.q_lora_rank", 36).u32(p + "rope.dimension_count", 16);
  w.u32(p + "attention.key_length", 16).u32(p + "attention.value_length", 16);
}
void scales(GgufWriter& w, const std::string& p) {
  w.f32(p + "embedding_scale", 3).f32(p + "residual_scale", 0.4f).f32(p + "logit_scale", 2);
  w.f32(p + "attention.scale", 0.2f);
}
void scale_of_logits(GgufWriter& w, const std::string& p) { w.f32(p + "logit_scale", 0.3f); }
void temperature(GgufWriter& w, const std::string& p) {
  w.f32(p + "attention.temperature_scale", 0.3f).u32(p + "rope.scaling.original_context_length", 16);
}
void longrope(GgufWriter& w, const std::string& p) {
  w.string(p + "rope.scaling.type", "longrope").u32(p + "rope.scaling.original_context_length", 128);
  w.f32(p + "rope.scaling.attn_factor", 1.2f);
}

std::vector<FamilyModel> dense_families() {
  return {
      {.architecture = "mistral3", .keys = temperature},
      {.architecture = "smollm3", .layers = 5},
      {.architecture = "minicpm", .keys = scales},
      {.architecture = "granite", .keys = scales},
      {.architecture = "qwen2", .qkv_biases = true},
      {.architecture = "qwen3"},
      {.architecture = "phi3", .keys = longrope, .fused_qkv = true, .fused_gate = true, .rope_factors = true},
      {.architecture = "gemma"},
      {.architecture = "gemma2", .keys = window_keys(20)},
      {.architecture = "gemma3", .keys = window_keys(33), .layers = 7},
      {.architecture = "olmo2", .keys = window_keys(48), .layers = 4},
      {.architecture = "glm4", .fused_gate = true},
      {.architecture = "exaone4"},
      {.architecture = "seed_oss", .qkv_biases = true},
      {.architecture = "baichuan"},
      {.architecture = "cogvlm", .fused_qkv = true},
      {.architecture = "minicpm3", .keys = small_latent, .joined_latent = true},
      {.architecture = "minicpm3", .keys = no_plain_latent, .joined_latent = true},
      {.architecture = "spark2_5", .keys = alternating_windows, .qkv_biases = true},
      {.architecture = "talkie", .keys = scale_of_logits, .qkv_biases = true},
      {.architecture = "k2-horizon", .keys = norm_groups},
      {.architecture = "pockettts", .qkv_biases = true, .biases = true},
      {.architecture = "command-r", .keys = scale_of_logits},
      {.architecture = "cohere2", .keys = window_keys(20), .layers = 4},
      {.architecture = "starcoder2", .qkv_biases = true, .biases = true},
      {.architecture = "gpt2", .fused_qkv = true, .biases = true},
      {.architecture = "gptneox", .qkv_biases = true, .biases = true},
      {.architecture = "falcon", .fused_qkv = true},
      {.architecture = "phi2", .qkv_biases = true, .biases = true},
      {.architecture = "stablelm"},
      {.architecture = "orion"},
      {.architecture = "nemotron"},
      {.architecture = "arcee"},
      {.architecture = "plamo"},
      {.architecture = "pangu-embedded", .qkv_biases = true},
      {.architecture = "qwen2vl", .qkv_biases = true},
      {.architecture = "ernie4_5"},
      {.architecture = "granite_swa", .keys = window_keys(40), .layers = 4},
      {.architecture = "openelm", .fused_qkv = true},
      {.architecture = "llama", .keys = other_heads, .layers = 3, .heads = 0, .kv_heads = 0},
      {.architecture = "command-r", .signs = {"blk.0.attn_q_norm.weight"}},
      {.architecture = "stablelm", .signs = {"blk.0.attn_q_norm.weight", "blk.0.ffn_norm.weight"}},
      {.architecture = "hunyuan-dense"},
      {.architecture = "maincoder"},
      {.architecture = "olmo", .keys = clip},
      {.architecture = "plamo3", .keys = window_keys(20), .layers = 3, .fused_qkv = true, .fused_gate = true},
      {.architecture = "qwen", .fused_qkv = true},
      {.architecture = "gemma4", .keys = small_gemma4, .layers = 6},
      {.architecture = "gemma4", .keys = large_gemma4, .layers = 3, .heads = 0, .keys_are_values = true},
  };
}

std::vector<FamilyModel> alibi_families() {
  return {
      {.architecture = "bloom", .width = 96, .heads = 6, .kv_heads = 3, .fused_qkv = true, .biases = true},
      {.architecture = "mpt",
       .keys = alibi_and_clip,
       .kv_heads = 4,
       .fused_qkv = true,
       .signs = {"blk.0.attn_q_norm.weight", "blk.0.ffn.act.scales"}},
      {.architecture = "refact", .kv_heads = 1},
      {.architecture = "jais", .keys = alibi, .fused_qkv = true, .biases = true},
      {.architecture = "baichuan", .layers = 40, .width = 32, .ffn = 32},
  };
}

std::vector<FamilyModel> mixture_families() {
  return {
      {.architecture = "llama", .keys = mixture_keys(8, 2, 32)},
      {.architecture = "granitemoe", .keys = mixture_keys(4, 2, 40, scales)},
      {.architecture = "qwen3moe", .keys = mixture_keys(16, 4, 32), .type = TensorType::kQ8_0},
      {.architecture = "gpt-oss", .keys = mixture_keys(8, 3, 32, window_keys(32)), .expert_biases = true},
      {.architecture = "olmoe", .keys = mixture_keys(8, 2, 32)},
      {.architecture = "glm4moe", .keys = mixture_keys(8, 2, 32, shared), .layers = 3, .selection_bias = true},
      {.architecture = "deepseek", .keys = mixture_keys(8, 2, 32, shared)},
      {.architecture = "dots1", .keys = mixture_keys(8, 2, 32, shared)},
      {.architecture = "minimax-m2", .keys = mixture_keys(8, 2, 32), .selection_bias = true},
      {.architecture = "phimoe", .keys = mixture_keys(8, 2, 32), .biases = true},
      {.architecture = "ernie4_5-moe", .keys = mixture_keys(8, 2, 32, shared), .selection_bias = true},
      {.architecture = "bailingmoe", .keys = mixture_keys(8, 2, 32, shared)},
      {.architecture = "mellum", .keys = mixture_keys(8, 2, 32, window_keys(20)), .layers = 4},
      {.architecture = "exaone-moe", .keys = mixture_keys(8, 2, 32, window_keys(20)), .layers = 4},
      {.architecture = "qwen2moe", .keys = mixture_keys(32, 2, 32, shared_width)},
      {.architecture = "hunyuan-moe", .keys = mixture_keys(8, 2, 32, shared_width)},
      {.architecture = "hy_v3", .keys = mixture_keys(8, 2, 32), .selection_bias = true},
      {.architecture = "dots1", .keys = mixture_keys(16, 3, 32, groups), .selection_bias = true},
      {.architecture = "dbrx", .keys = mixture_keys(8, 2, 32, clip), .fused_qkv = true},
      {.architecture = "afmoe", .keys = mixture_keys(8, 2, 32, window_keys(20)), .layers = 4},
      {.architecture = "laguna", .keys = mixture_keys(8, 2, 32, window_keys(20)), .layers = 4},
      {.architecture = "mimo2",
       .keys = mixture_keys(8, 2, 32, window_keys(20)),
       .layers = 4,
       .signs = {"blk.1.attn_sinks.weight", "blk.2.ffn_gate_inp.weight"}},
      {.architecture = "mimo2",
       .keys = mixture_keys(8, 2, 32, narrow_values),
       .layers = 4,
       .signs = {"blk.1.attn_sinks.weight", "blk.2.ffn_gate_inp.weight"}},
      {.architecture = "cohere2moe", .keys = mixture_keys(8, 2, 32, shared), .layers = 4, .merged_experts = true},
      {.architecture = "deepseek2", .keys = mixture_keys(8, 2, 32, latent), .kv_heads = 1},
      {.architecture = "deepseek2",
       .keys = mixture_keys(16, 3, 32, latent_queries),
       .kv_heads = 1,
       .selection_bias = true},
      {.architecture = "gemma4", .keys = mixture_keys(8, 2, 32, large_gemma4), .layers = 3, .heads = 0},
      {.architecture = "smallthinker", .keys = mixture_keys(8, 2, 32, window_keys(20)), .layers = 5},
      {.architecture = "deepseek2", .keys = mixture_keys(8, 2, 32, latent), .kv_heads = 1, .joined_latent = true},
      {.architecture = "arctic", .keys = mixture_keys(8, 2, 32)},
      {.architecture = "deepseek32", .keys = mixture_keys(8, 2, 32, indexed_latent), .kv_heads = 1},
      {.architecture = "minimax-m3", .keys = mixture_keys(8, 2, 32, indexed), .selection_bias = true},
      {.architecture = "maple", .keys = mixture_keys(8, 2, 32, limited_windows)},
      {.architecture = "maion-coder", .keys = mixture_keys(8, 2, 32, latent_experts), .layers = 4},
      {.architecture = "llama4", .keys = mixture_keys(8, 2, 32, chunks), .layers = 4},
      {.architecture = "grok",
       .keys = mixture_keys(8, 2, 32, scale_of_logits),
       .signs = {"blk.0.ffn_up.weight", "blk.0.layer_output_norm.weight"}},
  };
}

Keys recurrence(uint32_t inner, uint32_t state, uint32_t heads, uint32_t groups) {
  return [=](GgufWriter& w, const std::string& p) {
    w.u32(p + "ssm.conv_kernel", 4).u32(p + "ssm.inner_size", inner).u32(p + "ssm.state_size", state);
    w.u32(p + "ssm.time_step_rank", heads).u32(p + "ssm.group_count", groups);
  };
}

void taps(GgufWriter& w, const std::string& p) { w.u32(p + "shortconv.l_cache", 3); }

std::vector<FamilyModel> recurrent_families() {
  return {
      {.architecture = "lfm2", .keys = taps, .layers = 3, .layer_kv_heads = {0, 2, 0}},
      {.architecture = "lfm2moe",
       .keys = mixture_keys(4, 2, 32, taps),
       .layers = 3,
       .layer_kv_heads = {0, 2, 0},
       .selection_bias = true},
      {.architecture = "qwen35", .keys = recurrence(96, 24, 6, 3), .layers = 5, .qkv_biases = true},
      {.architecture = "qwen35moe",
       .keys = mixture_keys(4, 2, 32,
                            [](GgufWriter& w, const std::string& p) {
                              recurrence(96, 24, 6, 3)(w, p);
                              w.u32(p + "expert_shared_feed_forward_length", 32);
                            }),
       .layers = 4,
       .merged_experts = true},
      {.architecture = "qwen3next", .keys = recurrence(96, 24, 6, 3), .layers = 4},
      {.architecture = "granitehybrid", .keys = recurrence(96, 32, 4, 2), .layers = 3, .layer_kv_heads = {0, 2, 0}},
      {.architecture = "nemotron_h",
       .keys = recurrence(96, 16, 4, 2),
       .layers = 4,
       .layer_kv_heads = {0, 0, 2, 0},
       .layer_ffn = {0, 96, 0, 96}},
      {.architecture = "nemotron_h_moe",
       .keys = mixture_keys(8, 2, 32,
                            [](GgufWriter& w, const std::string& p) {
                              recurrence(96, 16, 4, 2)(w, p);
                              w.u32(p + "expert_shared_count", 1).boolean(p + "expert_weights_norm", true);
                              w.f32(p + "expert_weights_scale", 2.5f);
                            }),
       .layers = 4,
       .layer_kv_heads = {0, 0, 2, 0},
       .layer_ffn = {0, 32, 0, 32},
       .selection_bias = true},
      {.architecture = "mamba2", .keys = recurrence(128, 48, 4, 1)},
      {.architecture = "falcon-h1", .keys = recurrence(96, 16, 4, 2), .qkv_biases = true},
      {.architecture = "falcon-h1", .keys = recurrence(96, 32, 2, 1), .signs = {"blk.0.ssm_norm.weight"}},
  };
}

std::vector<FamilyModel> families() {
  std::vector<FamilyModel> all = dense_families();
  for (const FamilyModel& model : alibi_families()) all.push_back(model);
  for (const FamilyModel& model : mixture_families()) all.push_back(model);
  for (const FamilyModel& model : recurrent_families()) all.push_back(model);
  return all;
}

class FamiliesTest : public LlamaTest {
 protected:
  void check(const FamilyModel& model) {
    SCOPED_TRACE(model.architecture);
    const std::vector<std::byte> bytes = make_family_model(model);
    ASSERT_FALSE(bytes.empty());
    const auto loaded = load(bytes);
    ASSERT_TRUE(loaded);
    vocabulary_ = model.vocabulary;
    constexpr uint32_t kContext = 256;
    ReferenceLogits expected(*loaded->file, random_tokens(model.vocabulary, 110, 3), {}, kContext);
    const auto in = context(*loaded, {.context_tokens = kContext, .kv_type = KvType::kF32, .prefill_slice = 32});
    ASSERT_TRUE(in);
    const double prefill = largest_difference(*in, expected, {1, 17, 40, 100}, 2);
    uint32_t other_choices = 0;
    const double decoded = decode_difference(*in, expected, 40, 12, kLogTolerance, &other_choices);
    std::printf("  %-12s prefill %.1e, decode %.1e\n", model.architecture.c_str(), prefill, decoded);
    EXPECT_LE(prefill, kLogTolerance);
    EXPECT_LE(decoded, kLogTolerance);
    EXPECT_EQ(other_choices, 0u);
  }
};

TEST_F(FamiliesTest, AgreeWithTheReference) {
  for (const FamilyModel& model : slice_of(families())) check(model);
}

// As a GPU computes them: norms and activations are passes of their own beyond some rows.
TEST_F(FamiliesTest, AgreeWithTheReferenceLikeAGpu) {
  use(Mask::kShared);
  const std::set<std::string_view> chosen = {"gemma3",      "gpt-oss", "deepseek", "gemma4",        "deepseek2",
                                             "hunyuan-moe", "lfm2",    "qwen35",   "granitehybrid", "falcon-h1"};
  std::vector<FamilyModel> models = families();
  std::erase_if(models, [&](const FamilyModel& model) { return !chosen.contains(model.architecture); });
  EXPECT_GE(models.size(), chosen.size());
  for (const FamilyModel& model : slice_of(models)) check(model);
}

// Experts in several slabs: a step asks each slab for its own.
TEST_F(FamiliesTest, ExpertsInSeveralSlabs) {
  use(Mask::kSmallBindings);
  check({.architecture = "qwen3moe", .keys = mixture_keys(8, 2, 32), .kv_heads = 1, .type = TensorType::kQ8_0});
}

TEST(Families, EachNameHasAFamily) {
  for (const FamilyModel& model : families()) EXPECT_NE(find_family(model.architecture), nullptr);
  EXPECT_EQ(find_family("no such family"), nullptr);
  EXPECT_NE(family_names().find("llama, "), std::string::npos);
}

}  // namespace pumice::test::families_test
