// Times of words: weights that follow a known path, noise beside them, and heads that are known.
#include "engine/word_times.h"

#include <gtest/gtest.h>

#include "support/generator.h"

namespace pumice::test::word_times_test {

constexpr uint32_t kTokens = 9, kRows = 200, kHeard = 120, kHeads = 3;

// Token i attends to rows from begins[i] on; the tokens before `first` and the last one to nothing in particular.
std::vector<float> following(const std::vector<uint32_t>& begins, uint32_t first) {
  Generator random(5);
  std::vector<float> weights(size_t{kHeads} * kTokens * kRows);
  for (uint32_t head = 0; head < kHeads; ++head)
    for (uint32_t token = 0; token < kTokens; ++token) {
      float* row = &weights[(size_t{head} * kTokens + token) * kRows];
      float sum = 0;
      for (uint32_t i = 0; i < kRows; ++i) {
        row[i] = static_cast<float>(random.uniform(0.001, 0.003));
        const size_t at = token - first;
        if (token >= first && at + 1 < begins.size() && i >= begins[at] && i < begins[at + 1]) row[i] += 0.1f;
        sum += row[i];
      }
      for (uint32_t i = 0; i < kRows; ++i) row[i] /= sum;
    }
  return weights;
}

TEST(WordTimes, FollowTheAttention) {
  const std::vector<uint32_t> begins = {0, 12, 40, 41 + 12, 70, 95, kHeard};
  const std::vector<float> weights = following(begins, 2);
  const auto found = token_rows({.values = weights, .heads = kHeads, .tokens = kTokens, .rows = kRows}, 2, kHeard);
  ASSERT_EQ(found.size(), kTokens - 2 - 1u);
  for (size_t i = 0; i + 1 < found.size(); ++i) {
    EXPECT_NEAR(found[i], begins[i], 1) << i;
    EXPECT_LE(found[i], found[i + 1]);
  }
}

TEST(WordTimes, ShortSoundsAndManyTokens) {
  const std::vector<float> weights = following({0, 1, 2, 3}, 1);
  for (const uint32_t heard : {1u, 2u, 5u}) {
    const auto found = token_rows({.values = weights, .heads = kHeads, .tokens = kTokens, .rows = kRows}, 1, heard);
    ASSERT_EQ(found.size(), kTokens - 2u);
    for (const uint32_t row : found) EXPECT_LT(row, heard);
    EXPECT_TRUE(std::is_sorted(found.begin(), found.end()));
  }
}

TEST(WordTimes, HeadsAreKnownOrThoseOfTheUpperHalf) {
  ModelSpec spec;
  spec.vocabulary = 51865;
  spec.layers.resize(6);
  for (LayerSpec& layer : spec.layers) layer.cross.heads = 8;
  EXPECT_EQ(alignment_heads(spec).size(), 8u);
  EXPECT_EQ(alignment_heads(spec)[0].layer, 3u);
  spec.vocabulary = 51864;
  EXPECT_EQ(alignment_heads(spec).size(), 24u);
}

}  // namespace pumice::test::word_times_test
