// Replays: the counts, and the policies on a real trace where it is there.
#include "kv/replay.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/request_traces.h"
#include "test_paths.h"

namespace pumice::replay_test {

ReplayReport run(const test::RequestTrace& trace, const ReplayOptions& options) {
  const Result<ReplayReport> report = replay(trace.view(), options);
  EXPECT_TRUE(report.ok()) << report.error().message;
  return report ? *report : ReplayReport{};
}

test::RequestTrace trace_of(std::initializer_list<std::vector<uint64_t>> requests) {
  test::RequestTrace trace;
  for (const auto& request : requests) trace.add(request);
  return trace;
}

TEST(Replay, CountsLeadingBlocks) {
  const auto trace = trace_of({{0, 1, 2}, {0, 1, 3}, {}, {0, 1, 2}, {5, 1}});
  const ReplayReport report = run(trace, {.policy = PolicyKind::kLru, .pages = 10});
  EXPECT_EQ(report.requests, 5u);
  EXPECT_EQ(report.blocks, 11u);
  EXPECT_EQ(report.hit_blocks, 5u);
  EXPECT_EQ(report.evictions, 0u);
  EXPECT_DOUBLE_EQ(report.hit_rate, 5.0 / 11);
  EXPECT_DOUBLE_EQ(report.farthest_hit_rate, 5.0 / 11);
}

TEST(Replay, LruEvictsByRequestAndDeepestFirst) {
  // With 4 pages, {7, 8} pushes 2 and then 1 out; 0 stays.
  const auto trace = trace_of({{0, 1, 2}, {7, 8, 9}, {0, 1, 2}});
  const ReplayReport report = run(trace, {.policy = PolicyKind::kLru, .pages = 4});
  EXPECT_EQ(report.hit_blocks, 1u);
  EXPECT_EQ(report.evictions, 4u);
}

TEST(Replay, ARequestLargerThanTheCacheKeepsItsBeginning) {
  const auto trace = trace_of({{0, 1, 2, 3, 4}, {0, 1, 2, 3, 4}});
  EXPECT_EQ(run(trace, {.policy = PolicyKind::kLru, .pages = 3}).hit_blocks, 3u);
  EXPECT_EQ(run(trace, {.policy = PolicyKind::kAdaptive, .pages = 3}).hit_blocks, 3u);
}

TEST(Replay, KnowingTheFutureIsAtLeastAsGood) {
  const auto trace = test::popular_texts({.requests = 1000, .texts = 100, .scans = 0.3});
  const ReplayReport report = run(trace, {.policy = PolicyKind::kLru, .pages = 200});
  EXPECT_GT(report.best_fixed_hit_rate, report.hit_rate);
  EXPECT_NE(report.best_fixed, PolicyKind::kLru);
  EXPECT_GT(report.farthest_hit_rate, report.best_fixed_hit_rate);
}

TEST(Replay, RefusesWhatDoesNotFit) {
  const std::vector<uint64_t> blocks{1, 2, 3}, falling{0, 3, 2, 3}, late{1, 3}, early{0, 2};
  for (const auto& offsets : {falling, late, early, std::vector<uint64_t>{}}) {
    const auto report = replay({.blocks = blocks, .offsets = offsets}, {.pages = 3});
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.error().status, Status::kInvalidArgument);
  }
  EXPECT_FALSE(replay(trace_of({{1}}).view(), {.pages = 0}).ok());
  EXPECT_TRUE(replay(trace_of({}).view(), {.pages = 1}).ok());
}

TEST(Replay, CanBeCancelled) {
  const auto trace = test::loop(5000, 100);
  double last = 0;
  const auto report = replay(trace.view(), {.pages = 100, .progress = [&](double done) {
                                              EXPECT_GE(done, last);
                                              last = done;
                                              return done < 0.5;
                                            }});
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().status, Status::kCancelled);
  EXPECT_LT(last, 0.6);
}

TEST(Replay, AnyIdsDo) {
  const auto trace = trace_of({{0, UINT64_MAX, 1}, {0, UINT64_MAX, 1}, {4, 4, 5}, {4, 4}});
  EXPECT_EQ(run(trace, {.policy = PolicyKind::kAdaptive, .pages = 10}).hit_blocks, 4u)
      << "a text cannot have the same block twice: the rest of it is not kept";
}

test::RequestTrace mooncake_conversations() {
  test::RequestTrace trace;
  std::ifstream in(PUMICE_SHARED_DIR "/traces/mooncake_conversation.jsonl");
  for (std::string line; std::getline(in, line);)
    trace.add(nlohmann::json::parse(line)["hash_ids"].get<std::vector<uint64_t>>());
  return trace;
}

// The rates of LRU are those of an independent program.
TEST(Replay, MooncakeConversations) {
  const test::RequestTrace trace = mooncake_conversations();
  if (trace.blocks.empty()) GTEST_SKIP() << "no optional test data in " << PUMICE_SHARED_DIR;
  const struct {
    uint32_t pages;
    double lru, times_lru;
  } expected[] = {{1000, .0445, 1.5}, {3000, .0653, 1.5}, {10000, .2116, 0.98}, {30000, .3257, 0.98}};
  for (const auto& [pages, lru, times_lru] : expected) {
    const ReplayReport fixed = run(trace, {.policy = PolicyKind::kLru, .pages = pages});
    const ReplayReport adaptive = run(trace, {.policy = PolicyKind::kAdaptive, .pages = pages, .regret = false});
    EXPECT_NEAR(fixed.hit_rate, lru, 0.002) << pages;
    EXPECT_GE(adaptive.hit_rate, times_lru * fixed.hit_rate) << pages;
    EXPECT_GE(adaptive.hit_rate, 0.95 * fixed.best_fixed_hit_rate) << pages;
    EXPECT_LE(adaptive.hit_rate, fixed.farthest_hit_rate) << pages;
  }
}

// The constants of the learned policy were chosen with all of this trace in view.
TEST(Replay, LearningPaysOnMooncakeConversations) {
  const test::RequestTrace trace = mooncake_conversations();
  if (trace.blocks.empty()) GTEST_SKIP() << "no optional test data in " << PUMICE_SHARED_DIR;
  const ReplayTrace whole = trace.view();
  const std::span first_half = whole.offsets.first(whole.offsets.size() / 2 + 1);
  int clearly_better = 0;
  for (const uint32_t pages : {1000u, 3000u, 10000u, 30000u}) {
    const auto hits = [&](bool learned, bool half) {
      const auto report = replay(half ? ReplayTrace{whole.blocks.first(first_half.back()), first_half} : whole,
                                 {.pages = pages, .learned = learned, .regret = false});
      return report.ok() ? static_cast<double>(report->hit_blocks) : 0;
    };
    const double with = hits(true, false), without = hits(false, false);
    const double with_late = with - hits(true, true), without_late = without - hits(false, true);
    EXPECT_GE(with, 0.99 * without) << pages;
    EXPECT_GE(with_late, 0.99 * without_late) << pages;
    clearly_better += with_late >= 1.03 * without_late ? 1 : 0;
  }
  EXPECT_GE(clearly_better, 2);
}

}  // namespace pumice::replay_test
