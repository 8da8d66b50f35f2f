// The benchmark's statistics against published values, and the rule for greedy texts that part.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "bench/report/agreement.h"
#include "bench/report/statistics.h"

namespace pumice_bench::bench_statistics_test {

TEST(BenchStatistics, OrderStatistics) {
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
  EXPECT_EQ(median({}), 0);
  EXPECT_NEAR(percentile({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 0.95), 9.55, 1e-12);  // numpy.percentile's default
  EXPECT_EQ(percentile({7}, 0.95), 7);
  EXPECT_NEAR(standard_deviation({2, 4, 4, 4, 5, 5, 7, 9}), std::sqrt(32.0 / 7), 1e-12);
}

// Two-sided 95 % points of Student's t, as tabulated everywhere.
TEST(BenchStatistics, StudentsT) {
  EXPECT_NEAR(t_quantile(0.95, 1), 12.706, 1e-3);
  EXPECT_NEAR(t_quantile(0.95, 2), 4.303, 1e-3);
  EXPECT_NEAR(t_quantile(0.95, 4), 2.776, 1e-3);
  EXPECT_NEAR(t_quantile(0.95, 10), 2.228, 1e-3);
  EXPECT_NEAR(t_quantile(0.95, 100), 1.984, 1e-3);
  EXPECT_NEAR(t_quantile(0.99, 5), 4.032, 1e-3);
}

TEST(BenchStatistics, RatiosHaveIntervals) {
  const Ratio same = compare_samples({100, 102, 98}, {101, 99, 100});
  EXPECT_TRUE(same.within_noise());
  const Ratio faster = compare_samples({100, 101, 99}, {200, 202, 198});
  EXPECT_NEAR(faster.value, 2, 1e-3);
  EXPECT_FALSE(faster.within_noise());
  EXPECT_LT(*faster.low, 2);
  EXPECT_GT(*faster.high, 2);
  const Ratio slower = compare_samples({200, 202, 198}, {100, 101, 99});
  EXPECT_NEAR(slower.value * faster.value, 1, 1e-12);
  EXPECT_NEAR(*slower.low * *faster.high, 1, 1e-12);
}

// Equal variances and sizes: the degrees of freedom are 2 (n - 1) = 4 and the interval is t(4) * s * sqrt(2 / 3).
TEST(BenchStatistics, TheIntervalIsWelchs) {
  const double s = 0.1;
  const std::vector<double> a = {std::exp(-s), 1, std::exp(s)}, b = {2 * std::exp(-s), 2, 2 * std::exp(s)};
  const Ratio ratio = compare_samples(a, b);
  EXPECT_NEAR(std::log(*ratio.high / ratio.value), 2.776445 * s * std::sqrt(2.0 / 3), 1e-6);
}

TEST(BenchStatistics, OneSampleHasNoInterval) {
  const Ratio ratio = compare_samples({100}, {150, 151});
  EXPECT_NEAR(ratio.value, 1.505, 1e-3);
  EXPECT_FALSE(ratio.low.has_value());
  EXPECT_TRUE(ratio.within_noise());
}

std::vector<float> logits_with(std::size_t a, std::size_t b, float gap) {
  std::vector<float> logits(100, -5.0f);
  logits[a] = 1.0f;
  logits[b] = 1.0f - gap;
  return logits;
}

using Ids = std::vector<std::int32_t>;

// A model that writes 1, 2, ..., 8 but for what `changed` puts in the place of one of them.
Agreement follow(std::size_t changed, std::int32_t to, const std::vector<float>& logits) {
  Ids expected, text;
  for (std::int32_t i = 1; i <= 8; ++i) expected.push_back(i);
  text = expected;
  if (changed < text.size()) text[changed] = to;
  return follow_greedy(
      expected, [&](std::size_t n) { return Ids(text.begin() + static_cast<std::ptrdiff_t>(n), text.end()); },
      [&](std::size_t n) {
        EXPECT_EQ(n, changed);
        return logits;
      });
}

TEST(BenchAgreement, EqualTextsAgreeWithoutLogits) {
  const Agreement agreement = follow(99, 0, {});
  EXPECT_TRUE(agreement.agrees);
  EXPECT_EQ(agreement.equal, 8u);
  EXPECT_EQ(agreement.detail, "8 of 8 tokens as expected");
}

TEST(BenchAgreement, TextsMayPartAtATieOnly) {
  const Agreement tied = follow(2, 9, logits_with(3, 9, 0.05f));
  EXPECT_TRUE(tied.agrees);
  EXPECT_EQ(tied.equal, 7u);
  EXPECT_EQ(tied.ties, 1u);
  EXPECT_TRUE(follow(2, 9, logits_with(9, 3, 0.05f)).agrees);
  EXPECT_FALSE(follow(2, 9, logits_with(3, 9, 0.5f)).agrees);
  EXPECT_FALSE(follow(2, 9, logits_with(3, 8, 0.05f)).agrees) << "the token that came is none of the tied";
  EXPECT_FALSE(follow(2, 9, std::vector<float>(100, 0.0f)).agrees) << "a device that computes nothing";
  EXPECT_FALSE(follow(2, 9, std::vector<float>(100, std::numeric_limits<float>::quiet_NaN())).agrees);
  EXPECT_FALSE(follow(2, 9, {}).agrees);
  EXPECT_FALSE(follow(2, -1, logits_with(3, 9, 0.05f)).agrees);
}

TEST(BenchAgreement, ATextFullOfTiesIsWrong) {
  const Ids expected(8, 3);
  const Agreement agreement = follow_greedy(
      expected, [](std::size_t n) { return Ids(8 - n, 9); }, [](std::size_t) { return logits_with(3, 9, 0.05f); });
  EXPECT_FALSE(agreement.agrees);
  EXPECT_EQ(agreement.equal, 0u);
}

TEST(BenchAgreement, AShortTextIsWrong) {
  const Agreement agreement = follow_greedy(
      {1, 2, 3},
      [](std::size_t) {
        return Ids{1, 2};
      },
      [](std::size_t) { return std::vector<float>(); });
  EXPECT_FALSE(agreement.agrees);
  EXPECT_EQ(agreement.equal, 2u);
}

}  // namespace pumice_bench::bench_statistics_test
