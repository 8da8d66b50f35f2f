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

}  // namespace pumice::context_options_test
