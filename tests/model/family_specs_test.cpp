// What families read from the keys of a file: those that they take, and those that they leave alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/context_options.h"
#include "kernels/device_policy.h"
#include "model/families/families.h"
#include "model/model.h"
#include "support/family_model.h"

namespace pumice::test::family_specs_test {

ModelSpec described(const FamilyModel& model) {
  const std::vector<std::byte> bytes = make_family_model(model);
  const Result<Gguf> file = Gguf::from_memory(bytes);
  EXPECT_TRUE(file.ok());
  if (!file) return {};
  Result<ModelSpec> spec = describe(*file);
  EXPECT_TRUE(spec.ok());
  return spec ? std::move(spec).value() : ModelSpec();
}

// As llama.cpp takes it; its saver writes the key whatever the family.
TEST(FamilySpecs, GranitesScaleTheirScores) {
  const FamilyKeys scale = [](GgufWriter& w, const std::string& p) { w.f32(p + "attention.scale", 0.2f); };
  for (const char* name : {"llama", "qwen3", "granite", "granitemoe"}) {
    const bool taken = std::string_view(name).starts_with("granite");
    EXPECT_EQ(described({.architecture = name, .keys = scale}).layers[0].attention.scale, taken ? 0.2f : 0.25f) << name;
  }
}

// llama.cpp's saver writes that no pooling is stated.
TEST(FamilySpecs, PoolingMayBeUnstated) {
  const FamilyKeys unstated = [](GgufWriter& w, const std::string& p) { w.u32(p + "pooling_type", UINT32_MAX); };
  EXPECT_FALSE(described({.architecture = "qwen3", .keys = unstated}).layers.empty());
}

// Contexts of more keys than a model chooses are refused, and not taken by default.
TEST(FamilySpecs, KeysAreNotChosenAmong) {
  const FamilyKeys few = mixture_keys(4, 2, 32, [](GgufWriter& w, const std::string& p) {
    w.u32(p + "expert_shared_count", 1);
    w.u32(p + "attention.indexer.top_k", 4).u32(p + "attention.indexer.block_size", 64);
  });
  const ModelSpec spec = described({.architecture = "minimax-m3", .keys = few});
  EXPECT_EQ(spec.whole_context, 256u);
  EXPECT_EQ(spec.context_length, 256u);
  constexpr uint64_t kRoom = 1u << 30;
  EXPECT_TRUE(plan_context(spec, {.context_tokens = 256}, DevicePolicy(), kRoom).ok());
  EXPECT_FALSE(plan_context(spec, {.context_tokens = 288}, DevicePolicy(), kRoom).ok());
}

// Where nothing is scaled in layers without a window, llama.cpp still divides the positions of the others.
TEST(FamilySpecs, NoScalingIsOfLayersWithoutAWindow) {
  const FamilyKeys none = mixture_keys(4, 2, 32, [](GgufWriter& w, const std::string& p) {
    window_keys(20)(w, p);
    w.string(p + "rope.scaling.type", "none").f32(p + "rope.scaling.factor", 4);
  });
  const ModelSpec spec = described({.architecture = "gpt-oss", .keys = none});
  EXPECT_EQ(spec.rope(spec.layers[0]).radians[0], 0.25);
  EXPECT_EQ(spec.rope(spec.layers[1]).radians[0], 1);
}

// A file's base for layers with a window, and its scaling there, where llama.cpp takes them.
TEST(FamilySpecs, LayersWithAWindowRotateByTheirOwnBase) {
  const FamilyKeys keys = mixture_keys(4, 2, 32, [](GgufWriter& w, const std::string& p) {
    window_keys(20)(w, p);
    w.f32(p + "rope.freq_base_swa", 50000).f32(p + "rope.scaling.factor", 4);
  });
  struct Case {
    const char* architecture;
    double base, factor;
  };
  for (const Case& c :
       {Case{"gpt-oss", 50000, 4}, Case{"gemma2", 50000, 4}, Case{"smallthinker", 50000, 4}, Case{"afmoe", 50000, 4},
        Case{"gemma3", 50000, 1}, Case{"laguna", 50000, 1}, Case{"olmo2", 10000, 1}, Case{"cohere2", 10000, 4}}) {
    SCOPED_TRACE(c.architecture);
    const ModelSpec spec = described({.architecture = c.architecture, .keys = keys, .layers = 3});
    size_t sliding = 0;
    for (const LayerSpec& layer : spec.layers) {
      const RopeSpec& rope = spec.rope(layer);
      if (layer.attention.window == 0 || rope.rotary == 0) continue;
      ++sliding;
      EXPECT_NEAR(rope.radians[1] * c.factor, std::pow(c.base, -2.0 / rope.rotary), 1e-9);
    }
    EXPECT_GT(sliding, 0u);
  }
}

TEST(FamilySpecs, RoutersWeighAsTheFileSaysWhereLlamaCppLooks) {
  struct Case {
    const char* architecture;
    uint32_t said;
    Gating gating;
  };
  for (const Case& c : {Case{"lfm2moe", 1, Gating::kSoftmax}, Case{"lfm2moe", 0, Gating::kSigmoid},
                        Case{"minimax-m2", 1, Gating::kSoftmax}, Case{"bailingmoe", 2, Gating::kSoftmax}}) {
    SCOPED_TRACE(c.architecture);
    const ModelSpec spec = described(
        {.architecture = c.architecture, .keys = mixture_keys(4, 2, 32, [&](GgufWriter& w, const std::string& p) {
                                           w.u32(p + "shortconv.l_cache", 3);
                                           w.u32(p + "expert_gating_func", c.said);
                                         })});
    ASSERT_FALSE(spec.layers.empty());
    EXPECT_EQ(spec.layers.back().feed_forward.mixture.gating, c.gating);
  }
}

// Layers with a window have narrower heads than the file's value_length may say.
TEST(FamilySpecs, ValuesMayNotBeWiderThanTheirHeads) {
  const FamilyKeys keys = [](GgufWriter& w, const std::string& p) {
    window_keys(20)(w, p);
    w.u32(p + "attention.key_length", 32).u32(p + "attention.value_length", 32);
    w.u32(p + "attention.key_length_swa", 16).u32(p + "rope.dimension_count_swa", 16);
  };
  std::vector<std::byte> bytes = make_family_model({.architecture = "gemma4", .keys = keys, .layers = 6});
  EXPECT_TRUE(describe(*Gguf::from_memory(bytes)).ok());
  constexpr std::string_view kKey = "gemma4.attention.value_length";
  const auto at = std::ranges::search(bytes, std::as_bytes(std::span(kKey)));
  ASSERT_FALSE(at.empty());
  const uint32_t narrower = 24;  // than those of the layers without
  std::memcpy(&*at.end() + sizeof(uint32_t), &narrower, sizeof narrower);
  const auto spec = describe(*Gguf::from_memory(bytes));
  ASSERT_FALSE(spec.ok());
  EXPECT_EQ(spec.error().status, Status::kUnsupported) << spec.error().message;
}

}  // namespace pumice::test::family_specs_test
