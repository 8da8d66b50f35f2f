// The learned eviction policy: what it learns, that it is bounded and repeatable, and when the adaptive one follows it.
#include "kv/policy/learned_policy.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kv/policy/adaptive_policy.h"
#include "kv/policy/shadow_cache.h"
#include "kv/replay.h"
#include "support/allocation_count.h"
#include "support/request_traces.h"

namespace pumice::test::learned_policy_test {

std::vector<BlockInfo> chain_of(const RequestTrace& trace, size_t request) {
  std::vector<BlockInfo> chain;
  for (uint64_t i = trace.offsets[request]; i < trace.offsets[request + 1]; ++i)
    chain.push_back({.id = trace.blocks[i] + 1,
                     .parent = chain.empty() ? 0 : chain.back().id,
                     .depth = static_cast<uint32_t>(chain.size())});
  return chain;
}

// each(policy) after each request.
template <typename Policy, typename Each>
double hit_rate(const RequestTrace& trace, std::unique_ptr<Policy> policy, uint32_t pages, Each each) {
  const Policy& known = *policy;
  ShadowCache cache(std::move(policy), pages);
  double hits = 0;
  for (size_t r = 0; r + 1 < trace.offsets.size(); ++r) {
    hits += cache.request(chain_of(trace, r));
    each(known);
  }
  return hits / static_cast<double>(trace.blocks.size());
}

double hit_rate(const RequestTrace& trace, PolicyKind policy, uint32_t pages, bool learned = true) {
  return hit_rate(trace, make_policy(policy, pages, 1, learned), pages, [](const EvictionPolicy&) {});
}

// A text comes twice, its last block only once; after some time it never comes again.
RequestTrace twice() {
  RequestTrace trace;
  for (uint64_t r = 0; r < 4000; ++r) {
    const uint64_t text = (r % 2 == 0 ? r : r - std::min<uint64_t>(r, 11)) / 2 * 6;
    trace.add({text, text + 1, text + 2, text + 3, text + 4, (uint64_t{1} << 40) + r});
  }
  return trace;
}

TEST(LearnedPolicy, LearnsWhatComesBack) {
  constexpr uint32_t kPages = 30;
  std::vector<LearnedKind> kinds;
  const double rate = hit_rate(twice(), std::make_unique<LearnedPolicy>(kPages, 1), kPages,
                               [&](const LearnedPolicy& policy) { kinds = policy.learned(); });
  for (const LearnedKind& kind : kinds) {
    if (kind.seen < 100) continue;
    const bool comes = kind.uses == 1 && kind.from_end > 0;
    EXPECT_NEAR(kind.comes_back, comes ? 1 : 0, 0.1) << kind.uses << ' ' << kind.from_end;
  }
  EXPECT_LT(hit_rate(twice(), PolicyKind::kLru, kPages), 0.01);
  EXPECT_GT(rate, 0.3) << "of 5 / 12 that come back";
}

TEST(LearnedPolicy, KeepsAsMuchOfALoopAsCanBe) {
  const RequestTrace trace = loop(4000, 60);
  EXPECT_EQ(hit_rate(trace, PolicyKind::kLru, 500), 0);
  EXPECT_GT(hit_rate(trace, PolicyKind::kLearned, 500), 0.8) << "of 5 / 6";
}

TEST(LearnedPolicy, GivesUpWhatTheFilterAllows) {
  LearnedPolicy policy(100, 1);
  for (uint32_t node = 0; node < 100; ++node) {
    const BlockInfo block{.id = node + uint64_t{1}};
    policy.request({&block, 1});
    policy.inserted(node, block);
    if (node != 50) policy.set_evictable(node, true);
  }
  EXPECT_EQ(policy.victim([](NodeId node) { return node == 77; }), 77u);
  EXPECT_EQ(policy.victim([](NodeId node) { return node == 50; }), kNoNode);
  policy.removed(77);
  EXPECT_EQ(policy.victim([](NodeId node) { return node == 77; }), kNoNode);
  for (int i = 0; i < 1000; ++i) EXPECT_NE(policy.victim({}), 77u);
}

// What generation appends makes the block before it one in the middle of a text.
TEST(LearnedPolicy, TextsGrow) {
  LearnedPolicy policy(100, 1);
  for (uint64_t text = 1; text <= 50; ++text) {
    const BlockInfo first{.id = 2 * text}, second{.id = 2 * text + 1, .parent = 2 * text, .depth = 1};
    policy.request({&first, 1});
    policy.extend(second);
    policy.request({});
  }
  double grown = 0;
  for (const LearnedKind& kind : policy.learned())
    if (kind.depth == 0 && kind.from_end == 1) grown += kind.seen;
  EXPECT_EQ(grown, 50);
}

TEST(LearnedPolicy, IsRepeatable) {
  const RequestTrace trace = popular_texts({.requests = 1000, .texts = 300, .scans = 0.3});
  for (const PolicyKind policy : {PolicyKind::kLearned, PolicyKind::kAdaptive})
    EXPECT_EQ(hit_rate(trace, policy, 200), hit_rate(trace, policy, 200));
}

TEST(LearnedPolicy, IsBounded) {
  constexpr uint32_t kPages = 100;
  LearnedPolicy policy(kPages, 1);
  uint64_t next = 1;
  const auto request = [&](int times) {
    for (int i = 0; i < times; ++i) {
      const BlockInfo block{.id = next++ % 5 == 0 ? next / 2 : next};
      policy.request({&block, 1});
    }
  };
  request(3 * 16 * kPages);
  const AllocationCount count;
  request(100'000);
  EXPECT_EQ(count.allocations(), 0u);
}

// On these, the most frequently used texts are the best to keep, and counting is quicker to find them.
TEST(LearnedPolicy, HasNoWeightWhileAnotherIsAhead) {
  const RequestTrace loads[] = {popular_texts({.requests = 4000, .texts = 500, .scans = 0.6}),
                                popular_texts({.requests = 4000, .texts = 500, .shift_after = 1000}),
                                sessions({.requests = 4000, .beginnings = 50, .continued = 0.6})};
  size_t led = 0;
  for (const RequestTrace& trace : loads) {
    const auto check = [&](const EvictionPolicy& policy) {
      double fixed = 0;
      for (const Expert& expert : policy.experts())
        if (expert.policy != PolicyKind::kLearned) fixed = std::max(fixed, expert.hit_rate);
      if (policy.leader() != PolicyKind::kLearned) return;
      ++led;
      for (const Expert& expert : policy.experts()) {
        EXPECT_EQ(expert.leads, expert.policy == PolicyKind::kLearned);
        if (expert.leads) {
          EXPECT_GE(expert.hit_rate, fixed);
        }
      }
    };
    hit_rate(trace, make_policy(PolicyKind::kAdaptive, 500, 1), 500, check);
    EXPECT_GE(hit_rate(trace, PolicyKind::kAdaptive, 500), 0.99 * hit_rate(trace, PolicyKind::kAdaptive, 500, false));
  }
  EXPECT_GT(led, 1000u);
}

TEST(LearnedPolicy, CanBeLeftOut) {
  const auto policy = make_policy(PolicyKind::kAdaptive, 10, 1, false);
  EXPECT_EQ(policy->experts().size(), 5u);
  EXPECT_TRUE(policy->learned().empty());
}

}  // namespace pumice::test::learned_policy_test
