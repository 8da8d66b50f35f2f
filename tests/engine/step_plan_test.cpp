// step_plan: properties over random inputs; no device is needed.
#include "engine/step_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "support/generator.h"

namespace pumice::test::step_plan_test {

TEST(PlanSlice, SlicesCoverWhatIsMissingOnce) {
  Generator random(1);
  for (int round = 0; round < 2000; ++round) {
    const uint32_t slice = kPageTokens << random.below(5);
    const uint32_t total = random.below(2000) + 1;
    uint32_t computed = random.below(total);
    while (computed < total) {
      const SlicePlan plan = plan_slice(computed, total, slice);
      ASSERT_EQ(plan.first, computed);
      ASSERT_GE(plan.count, 1u);
      ASSERT_LE(plan.count, slice);
      const uint32_t end = plan.first + plan.count;
      ASSERT_TRUE(end == total || end % slice == 0) << computed << " of " << total << " by " << slice;
      ASSERT_EQ(plan.last, end == total);
      computed = end;
    }
    ASSERT_EQ(computed, total);
  }
}

// Wherever computing begins, it passes the same boundaries.
TEST(PlanSlice, BoundariesDoNotDependOnWhereItBegins) {
  constexpr uint32_t kTotal = 300, kSlice = 64;
  for (uint32_t begin = 0; begin < kTotal; ++begin) {
    const SlicePlan plan = plan_slice(begin, kTotal, kSlice);
    const SlicePlan whole = plan_slice(begin / kSlice * kSlice, kTotal, kSlice);
    EXPECT_EQ(plan.first + plan.count, whole.first + whole.count) << begin;
  }
}

TEST(PlanSlice, NothingIsMissing) {
  for (const uint32_t computed : {0u, 1u, 64u}) {
    const SlicePlan plan = plan_slice(computed, computed, 64);
    EXPECT_EQ(plan.count, 0u);
    EXPECT_TRUE(plan.last);
  }
}

TEST(FillRows, RowsAreTheTokensOfTheSlice) {
  const std::vector<int32_t> tokens = {10, 11, 12, 13, 14};
  std::vector<StepRow> rows(4, {99, 99, 99, 99});
  fill_rows({.first = 2, .count = 3}, tokens, 7, rows);
  for (uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(rows[i].token, 12 + i);
    EXPECT_EQ(rows[i].position, 2 + i);
    EXPECT_EQ(rows[i].slot, 7u);
    EXPECT_EQ(rows[i].live, 1u);
  }
  EXPECT_EQ(rows[3].token, 99u) << "rows beyond the slice are left alone";
}

TEST(AdaptSlice, StaysWithinItsBounds) {
  Generator random(2);
  for (int round = 0; round < 5000; ++round) {
    const uint32_t highest = kPageTokens << random.below(6);
    const uint32_t slice = std::min(highest, kPageTokens << random.below(6));
    const uint32_t computed = random.below(slice) + 1;
    const uint32_t next = adapt_slice(slice, computed, random.uniform(0, 400), 100, highest);
    ASSERT_GE(next, kPageTokens);
    ASSERT_LE(next, highest);
    ASSERT_TRUE(next == slice || next == 2 * slice || 2 * next == slice) << slice << " to " << next;
    ASSERT_EQ(next & (next - 1), 0u);
  }
}

TEST(AdaptSlice, GrowsWhenQuickAndShrinksWhenSlow) {
  EXPECT_EQ(adapt_slice(128, 128, 30, 100, 512), 256u);
  EXPECT_EQ(adapt_slice(128, 128, 60, 100, 512), 128u) << "twice of it might be too slow";
  EXPECT_EQ(adapt_slice(128, 128, 101, 100, 512), 64u);
  EXPECT_EQ(adapt_slice(128, 10, 1, 100, 512), 128u) << "a short slice says nothing about a full one";
  EXPECT_EQ(adapt_slice(128, 10, 500, 100, 512), 128u);
  EXPECT_EQ(adapt_slice(512, 512, 1, 100, 512), 512u);
  EXPECT_EQ(adapt_slice(kPageTokens, kPageTokens, 1000, 100, 512), kPageTokens);
}

// With time proportional to tokens it settles: no slice after the first few is over the budget.
TEST(AdaptSlice, SettlesBelowTheBudget) {
  for (const double ms_per_token : {0.01, 0.1, 0.4, 1.0, 3.0}) {
    uint32_t slice = 128;
    for (int i = 0; i < 20; ++i) slice = adapt_slice(slice, slice, slice * ms_per_token, 100, 512);
    EXPECT_TRUE(slice * ms_per_token <= 100 || slice == kPageTokens) << ms_per_token;
    EXPECT_EQ(adapt_slice(slice, slice, slice * ms_per_token, 100, 512), slice) << "it does not swing";
  }
}

}  // namespace pumice::test::step_plan_test
