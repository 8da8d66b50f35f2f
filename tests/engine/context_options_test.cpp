// The length of a context for which none is asked.
#include "engine/context_options.h"

#include <gtest/gtest.h>

namespace pumice::context_options_test {

ModelSpec spec_of(uint32_t context_length) {
  ModelSpec spec;
  spec.context_length = context_length;
  return spec;
}

TEST(DefaultContext, IsTheModelsAsFarAsAQuarterOfTheMemoryHoldsIt) {
  constexpr uint64_t kToken = 100000, kTokens16k = 16384 * kToken;
  EXPECT_EQ(default_context(spec_of(131072), kToken, 4 * kTokens16k), 16384u);
  EXPECT_EQ(default_context(spec_of(131072), kToken, 4 * kTokens16k + 4 * 31 * kToken), 16384u) << "whole pages";
  EXPECT_EQ(default_context(spec_of(8192), kToken, 4 * kTokens16k), 8192u);
  EXPECT_EQ(default_context(spec_of(131072), kToken, kTokens16k / 2), 4096u) << "a half is not too much for these";
  EXPECT_EQ(default_context(spec_of(131072), kToken, 4096 * kToken), 3072u) << "three quarters";
  EXPECT_EQ(default_context(spec_of(131072), kToken, 1), 256u);
  EXPECT_EQ(default_context(spec_of(131072), 1, UINT64_MAX), 131072u);
  EXPECT_EQ(default_context(spec_of(131072), 0, 1), 256u);
}

TEST(DefaultContext, IsModestWhereTheMemoryIsUnknown) {
  EXPECT_EQ(default_context(spec_of(131072), 100, 0), 4096u);
  EXPECT_EQ(default_context(spec_of(1000), 100, 0), 1000u);
  EXPECT_EQ(context_tokens_for(spec_of(1000), 0), 1024u);
  EXPECT_EQ(context_tokens_for(spec_of(1000), 33), 64u);
}

TEST(DefaultContext, StaysWithTheTableOfRotationForShortContexts) {
  ModelSpec spec = spec_of(131072);
  spec.ropes.push_back({.radians = {1}, .long_radians = {2}, .original_context = 8192});
  EXPECT_EQ(default_context(spec, 1, UINT64_MAX), 8192u);
  EXPECT_EQ(default_context(spec, 1, 0), 4096u);
  spec.ropes[0].long_radians.clear();
  EXPECT_EQ(default_context(spec, 1, UINT64_MAX), 131072u);
}

ModelSpec with_windows(uint32_t window) {
  ModelSpec spec = spec_of(1 << 20);
  for (uint32_t i = 0; i < 6; ++i) {
    LayerSpec layer;
    layer.attention.heads = layer.attention.kv_heads = 4;
    layer.attention.head_dim = 64;
    layer.attention.window = i < 5 ? window : 0;
    spec.layers.push_back(layer);
  }
  spec.ropes.emplace_back();
  return spec;
}

TEST(WindowPages, MakeRoomForLongerContexts) {
  const ModelSpec spec = with_windows(1024);
  for (const uint64_t mib : {16, 64, 256, 4096}) {
    const uint64_t room = mib << 20;
    const ContextPlan whole = plan_context(with_windows(0), {}, DevicePolicy(), room).value();
    const ContextPlan apart = plan_context(spec, {}, DevicePolicy(), room).value();
    EXPECT_GE(apart.options.context_tokens, whole.options.context_tokens) << mib;
    EXPECT_LE(apart.kv_bytes(), room / 4 * 3) << mib;
    if (mib < 256) continue;
    EXPECT_GT(apart.options.context_tokens, 2 * whole.options.context_tokens) << mib;
    EXPECT_LE(apart.kv_bytes(), room / 4 + (room >> 3)) << mib;
  }
}

TEST(WindowPages, AreApartWhereThatSavesSomething) {
  const ModelSpec spec = with_windows(1024);
  const auto places = [&](ContextOptions options) {
    return plan_context(spec, options, DevicePolicy()).value().window_places;
  };
  EXPECT_GT(places({.context_tokens = 16384}), 0u);
  EXPECT_EQ(places({.context_tokens = 1024}), 0u) << "the window sees all of it";
  EXPECT_EQ(places({.context_tokens = 16384, .max_sequences = 32}), 0u) << "each could have a whole one";
  EXPECT_EQ(places({.context_tokens = 16384, .disable_kv_cache = true}), 0u);
  EXPECT_GT(places({.context_tokens = 16384, .slide = true}), 0u);
  EXPECT_EQ(places({.context_tokens = 2048, .prefill_slice = 32, .slide = true}), 0u) << "it would drop what it sees";
}

}  // namespace pumice::context_options_test
