// The reference sampler: each step by hand, and the distribution of its draws against softmax.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "reference/sample.h"
#include "reference/softmax.h"
#include "support/generator.h"

namespace pumice::reference::sample_reference_test {

using Floats = std::vector<float>;
using Ids = std::vector<uint32_t>;

Ids survivors(const SampleResult& result) {
  Ids ids;
  for (uint32_t i = 0; i < result.probabilities.size(); ++i) {
    if (result.probabilities[i] > 0.0) ids.push_back(i);
  }
  return ids;
}

// Logits whose softmax is `p`.
Floats logits_of(const std::vector<double>& p) {
  Floats l;
  for (const double value : p) l.push_back(static_cast<float>(std::log(value)));
  return l;
}

TEST(ReferenceSample, Pcg4dFollowsItsDefinition) {
  using Words = std::array<uint32_t, 4>;
  EXPECT_EQ(pcg4d({0, 0, 0, 0}), (Words{0x0f02f829u, 0x2d568769u, 0x32b0c43bu, 0xd32548eau}));
  EXPECT_EQ(pcg4d({1, 2, 3, 4}), (Words{0x3622cd16u, 0xf11471d8u, 0xe1109b3fu, 0x02b94c2fu}));
  EXPECT_EQ(pcg4d({0xffffffffu, 7, 123456789, 31999}), (Words{0xc258d954u, 0x7381ac5bu, 0x2cdda67fu, 0x19ef9c68u}));
}

TEST(ReferenceSample, UniformIsInsideItsRangeAndCentred) {
  double sum = 0.0;
  for (uint32_t i = 0; i < 100000; ++i) {
    const double u = sample_uniform(0x123456789abcdefu, i / 100, i % 100);
    ASSERT_GT(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u;
  }
  EXPECT_NEAR(sum / 100000, 0.5, 0.004);
}

TEST(ReferenceSample, GreedyTakesTheLowestIdOfTies) {
  const SampleResult result = sample(Floats{1, 4, 4, 3}, {}, {.temperature = 0.0f}, 0);
  EXPECT_EQ(result.token, 1u);
  EXPECT_EQ(result.margin, 0.0);
  EXPECT_EQ(sample(Floats{1, 4, 2, 3}, {}, {.temperature = -1.0f}, 0).margin, 1.0);
}

TEST(ReferenceSample, PenaltiesCountEachDistinctToken) {
  const SampleParams params = {.repeat_penalty = 2.0f, .frequency_penalty = 0.5f, .presence_penalty = 0.25f};
  const Floats l = penalised_logits(Floats{4, -4, 3, 1}, Ids{0, 1, 0, 77}, params);
  EXPECT_EQ(l, (Floats{2.0f - 1.25f, -8.0f - 0.75f, 3, 1}));
  SampleParams greedy = params;
  greedy.temperature = 0.0f;
  EXPECT_EQ(sample(Floats{4, -4, 3, 1}, Ids{0}, greedy, 0).token, 2u);
}

TEST(ReferenceSample, OnlyMaskedLogitsMayBeInfinite) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(survivors(sample(Floats{-infinity, 1, -infinity, 1}, {}, {}, 0)), (Ids{1, 3}));
  for (const float temperature : {0.0f, 1.0f})
    for (const Floats& l : {Floats{1, nan, 2}, Floats{1, infinity, 2}, Floats{-infinity, -infinity}})
      EXPECT_EQ(sample(l, {}, {.temperature = temperature}, 0).token, kNotFinite);
  // A penalty is the caller's, and does not make a finite logit infinite.
  EXPECT_EQ(sample(Floats{1e30f, 1}, Ids{0}, {.temperature = 0, .repeat_penalty = 1e-30f}, 0).token, 0u);
}

TEST(ReferenceSample, TopKKeepsAllTies) {
  const Floats l = {1, 3, 2, 2, 0};
  EXPECT_EQ(survivors(sample(l, {}, {.top_k = 1}, 0)), (Ids{1}));
  EXPECT_EQ(survivors(sample(l, {}, {.top_k = 2}, 0)), (Ids{1, 2, 3}));
  EXPECT_EQ(sample(l, {}, {.top_k = 2}, 0).top_k_margin, 1.0);
  EXPECT_EQ(survivors(sample(l, {}, {.top_k = 9}, 0)).size(), 5u);
}

TEST(ReferenceSample, TopPKeepsTheSmallestSetThatReachesIt) {
  const Floats l = logits_of({0.1, 0.5, 0.15, 0.25});
  EXPECT_EQ(survivors(sample(l, {}, {.top_p = 0.4f}, 0)), (Ids{1}));
  EXPECT_EQ(survivors(sample(l, {}, {.top_p = 0.6f}, 0)), (Ids{1, 3}));
  EXPECT_NEAR(sample(l, {}, {.top_p = 0.6f}, 0).top_p_margin, 0.1, 1e-6);
  EXPECT_EQ(survivors(sample(l, {}, {.top_p = 0.8f}, 0)), (Ids{1, 2, 3}));
  EXPECT_EQ(survivors(sample(l, {}, {.top_p = 0.0f}, 0)), (Ids{1}));
  EXPECT_EQ(survivors(sample(l, {}, {.top_p = 0.99999997f}, 0)).size(), 4u);
  EXPECT_EQ(survivors(sample(Floats{2, 2, 2, 0}, {}, {.top_p = 0.2f}, 0)), (Ids{0, 1, 2}));
  // Untempered, and over the survivors of top-k: 0.5 and 0.25 become two thirds and one third.
  EXPECT_EQ(survivors(sample(l, {}, {.temperature = 9.0f, .top_k = 2, .top_p = 0.6f}, 0)), (Ids{1}));
}

TEST(ReferenceSample, MinPIsRelativeToTheMaximum) {
  const Floats l = logits_of({0.1, 0.5, 0.15, 0.25});
  EXPECT_EQ(survivors(sample(l, {}, {.min_p = 0.25f}, 0)), (Ids{1, 2, 3}));
  EXPECT_EQ(survivors(sample(l, {}, {.min_p = 0.4f}, 0)), (Ids{1, 3}));
  EXPECT_NEAR(sample(l, {}, {.min_p = 0.4f}, 0).min_p_margin, std::log(0.5 / 0.4), 1e-6);
  EXPECT_EQ(survivors(sample(l, {}, {.min_p = 2.0f}, 0)), (Ids{1}));
}

TEST(ReferenceSample, IsAFunctionOfSeedAndPosition) {
  const Floats l = test::Generator(1).normals(500);
  const auto tokens = [&l](uint64_t seed) {
    Ids ids;
    for (uint32_t position = 0; position < 20; ++position) {
      ids.push_back(sample(l, {}, {.seed = seed}, position).token);
    }
    return ids;
  };
  EXPECT_EQ(tokens(1), tokens(1));
  EXPECT_NE(tokens(1), tokens(2));
  EXPECT_NE(tokens(1), tokens(uint64_t{1} << 40)) << "the upper half of the seed counts";
}

TEST(ReferenceSample, TokenAndMarginAreThoseOfTheSortedScores) {
  const Floats l = test::Generator(4).normals(60);
  for (uint32_t position = 0; position < 50; ++position) {
    std::vector<std::pair<double, uint32_t>> scores;
    for (uint32_t i = 0; i < l.size(); ++i) {
      const double u = sample_uniform(9, position, i);
      scores.emplace_back(static_cast<double>(l[i]) / 0.5 - std::log(-std::log(u)), i);
    }
    std::sort(scores.rbegin(), scores.rend());
    const SampleResult result = sample(l, {}, {.temperature = 0.5f, .seed = 9}, position);
    EXPECT_EQ(result.token, scores[0].second);
    EXPECT_DOUBLE_EQ(result.margin, scores[0].first - scores[1].first);
  }
  EXPECT_TRUE(std::isinf(sample(l, {}, {.top_k = 1}, 0).margin)) << "one candidate has no rival";
}

// The chi-square statistic of `draws` draws against `expected` probabilities.
double chi_square(const Floats& logits, const SampleParams& params, const std::vector<double>& expected,
                  uint32_t draws) {
  std::vector<uint32_t> counts(logits.size(), 0);
  for (uint32_t position = 0; position < draws; ++position) ++counts[sample(logits, {}, params, position).token];
  double sum = 0.0;
  for (size_t i = 0; i < expected.size(); ++i) {
    if (expected[i] == 0.0) {
      if (counts[i] > 0) return std::numeric_limits<double>::infinity();
      continue;
    }
    const double difference = counts[i] - expected[i] * draws;
    sum += difference * difference / (expected[i] * draws);
  }
  return sum;
}

TEST(ReferenceSample, DrawsFollowTheTemperedSoftmax) {
  const Floats l = test::Generator(2).normals(16, 0.0, 1.2);
  const Floats p = softmax(l, 1, 16, 1.0f / 0.8f);
  const std::vector<double> expected(p.begin(), p.end());
  const SampleParams params = {.temperature = 0.8f, .seed = 42};
  EXPECT_LT(chi_square(l, params, expected, 20000), 37.7);  // the 99.9 % point of 15 degrees of freedom
  const Floats wrong = softmax(l, 1, 16);
  EXPECT_GT(chi_square(l, params, std::vector<double>(wrong.begin(), wrong.end()), 20000), 37.7);
}

TEST(ReferenceSample, DrawsFollowTheReportedProbabilities) {
  const Floats l = test::Generator(3).normals(40, 0.0, 2.0);
  const SampleParams params = {.temperature = 1.5f, .top_k = 20, .top_p = 0.95f, .min_p = 0.02f, .seed = 7};
  const SampleResult result = sample(l, {}, params, 0);
  const auto freedom = static_cast<double>(survivors(result).size() - 1);
  ASSERT_GT(freedom, 4.0);
  EXPECT_LT(chi_square(l, params, result.probabilities, 20000), freedom + 4.0 * std::sqrt(2.0 * freedom));
}

}  // namespace pumice::reference::sample_reference_test
