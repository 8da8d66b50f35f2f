// Eviction policies: names, what each gives up first, and that the adaptive one keeps up with the best on any load.
#include "kv/policy/eviction_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "kv/policy/frequency_memory.h"
#include "kv/policy/shadow_cache.h"
#include "kv/replay.h"
#include "support/request_traces.h"
#include "support/slice.h"

namespace pumice::eviction_policy_test {

constexpr PolicyKind kFixed[] = {PolicyKind::kLru, PolicyKind::kLfu, PolicyKind::kRandom, PolicyKind::kS3Fifo,
                                 PolicyKind::kCost};

std::vector<BlockInfo> text(std::initializer_list<uint64_t> ids, float cost = 1) {
  std::vector<BlockInfo> chain;
  for (const uint64_t id : ids)
    chain.push_back({.id = id,
                     .parent = chain.empty() ? 0 : chain.back().id,
                     .depth = static_cast<uint32_t>(chain.size()),
                     .cost = cost});
  return chain;
}

double hit_rate(const test::RequestTrace& trace, PolicyKind policy, uint32_t pages) {
  const Result<ReplayReport> report = replay(trace.view(), {.policy = policy, .pages = pages, .regret = false});
  EXPECT_TRUE(report.ok());
  return report ? report->hit_rate : 0;
}

TEST(EvictionPolicy, NamesAreFound) {
  for (uint32_t i = 0; i < 7; ++i) {
    const auto kind = static_cast<PolicyKind>(i);
    const Result<PolicyKind> found = find_policy(policy_name(kind));
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(*found, kind);
    EXPECT_EQ(make_policy(kind, 4, 1)->leader(), kind == PolicyKind::kAdaptive ? PolicyKind::kLearned : kind);
  }
  EXPECT_FALSE(find_policy("mru").ok());
  EXPECT_NE(find_policy("mru").error().message.find("lru, lfu"), std::string::npos);
}

TEST(EvictionPolicy, LfuRemembersWhatItGaveUp) {
  ShadowCache cache(make_policy(PolicyKind::kLfu, 2, 1), 2);
  for (const uint64_t id : {1u, 1u, 1u, 2u, 3u}) cache.request(text({id}));
  EXPECT_TRUE(cache.holds(1) && cache.holds(3));
  // 4 is given up after each use but the last one: then it has come as often as 1, and later.
  for (const uint64_t id : {4u, 5u, 4u, 6u}) cache.request(text({id}));
  EXPECT_TRUE(cache.holds(1) && !cache.holds(4));
  for (const uint64_t id : {4u, 7u}) cache.request(text({id}));
  EXPECT_TRUE(cache.holds(4) && !cache.holds(1));
}

TEST(EvictionPolicy, CostKeepsWhatIsDear) {
  ShadowCache cache(make_policy(PolicyKind::kCost, 4, 1), 4);
  cache.request(text({1}, 8));
  for (const uint64_t id : {2u, 3u, 4u, 5u, 6u}) cache.request(text({id}));
  EXPECT_TRUE(cache.holds(1)) << "dear";
  EXPECT_FALSE(cache.holds(2));
  for (uint64_t id = 10; id < 60; ++id) cache.request(text({id}));
  EXPECT_FALSE(cache.holds(1)) << "not for ever";
}

TEST(EvictionPolicy, S3FifoLetsAScanPass) {
  ShadowCache cache(make_policy(PolicyKind::kS3Fifo, 20, 1), 20);
  for (int i = 0; i < 3; ++i)
    for (uint64_t id = 1; id <= 10; ++id) cache.request(text({id}));
  for (uint64_t id = 100; id < 200; ++id) cache.request(text({id}));
  for (uint64_t id = 1; id <= 10; ++id) EXPECT_TRUE(cache.holds(id)) << id;
}

TEST(EvictionPolicy, RandomIsEvenAndRepeatable) {
  std::vector<int> kept(9);
  for (uint64_t seed = 0; seed < 900; ++seed) {
    ShadowCache cache(make_policy(PolicyKind::kRandom, 8, seed), 8);
    for (uint64_t id = 1; id <= 9; ++id) cache.request(text({id}));
    for (uint64_t id = 1; id <= 8; ++id) kept[id] += cache.holds(id) ? 1 : 0;
  }
  for (uint64_t id = 1; id <= 8; ++id) EXPECT_NEAR(kept[id], 900 * 7 / 8, 50) << id;
  const test::RequestTrace trace = test::popular_texts({.requests = 500, .texts = 100});
  EXPECT_EQ(hit_rate(trace, PolicyKind::kRandom, 50), hit_rate(trace, PolicyKind::kRandom, 50));
}

TEST(FrequencyMemory, FadesAndForgets) {
  FrequencyMemory memory(100, 2);
  for (int i = 0; i < 4; ++i) memory.count(1);
  for (int i = 0; i < 50; ++i) memory.count(2);
  EXPECT_GT(memory.score(2), memory.score(1));
  EXPECT_EQ(memory.score(3), 0);
  memory.count(3);
  EXPECT_LT(memory.score(3), memory.score(1)) << "four uses lately against one";
  for (uint64_t id = 1000; id < 11000; ++id) memory.count(id);
  EXPECT_EQ(memory.score(1), 0);
  EXPECT_LE(memory.size(), 400u);
}

// The adaptive policy on loads of all kinds, none of which it was made for.
TEST(AdaptivePolicy, KeepsUpWithTheBestFixedPolicy) {
  PUMICE_SLICE(0);
  const struct {
    const char* name;
    test::RequestTrace trace;
  } loads[] = {
      {"popular texts", test::popular_texts({.requests = 4000, .texts = 500})},
      {"popular texts, shifting", test::popular_texts({.requests = 4000, .texts = 500, .shift_after = 1000})},
      {"popular texts among scans", test::popular_texts({.requests = 4000, .texts = 500, .scans = 0.6})},
      {"a loop", test::loop(4000, 60)},
      {"conversations", test::sessions({.requests = 4000, .beginnings = 50, .continued = 0.6})},
      {"short visits", test::sessions({.requests = 4000, .beginnings = 800, .continued = 0.1})},
      {"one after another", test::joined({test::popular_texts({.requests = 2000, .texts = 500}), test::loop(2000, 60),
                                          test::sessions({.requests = 2000, .beginnings = 50, .continued = 0.6})})},
  };
  for (const auto& load : loads) {
    for (const uint32_t pages : {200u, 500u, 2000u}) {
      double best = 0;
      for (const PolicyKind policy : kFixed) best = std::max(best, hit_rate(load.trace, policy, pages));
      EXPECT_GE(hit_rate(load.trace, PolicyKind::kAdaptive, pages), 0.93 * best) << load.name << ", " << pages;
    }
  }
}

// The check above can fail: no fixed policy passes it.
TEST(AdaptivePolicy, NoFixedPolicyIsGoodOnAllLoads) {
  const test::RequestTrace loads[] = {test::popular_texts({.requests = 4000, .texts = 500, .scans = 0.6}),
                                      test::loop(4000, 60),
                                      test::sessions({.requests = 4000, .beginnings = 50, .continued = 0.6})};
  std::array<double, std::size(kFixed)> worst;
  worst.fill(1);
  for (const auto& load : loads) {
    for (const uint32_t pages : {200u, 500u, 2000u}) {
      std::array<double, std::size(kFixed)> rates;
      std::transform(std::begin(kFixed), std::end(kFixed), rates.begin(),
                     [&](PolicyKind policy) { return hit_rate(load, policy, pages); });
      const double best = *std::max_element(rates.begin(), rates.end());
      for (size_t i = 0; i < rates.size(); ++i) worst[i] = std::min(worst[i], rates[i] / best);
    }
  }
  for (size_t i = 0; i < worst.size(); ++i) EXPECT_LT(worst[i], 0.93) << policy_name(kFixed[i]);
}

// Pages that are in use or not sealed yet make the real cache smaller than its capacity says.
TEST(AdaptivePolicy, WorksWithLessRoomThanItsShadows) {
  const test::RequestTrace trace = test::popular_texts({.requests = 3000, .texts = 300, .scans = 0.3});
  const auto rate = [&](uint32_t told, uint32_t room) {
    ShadowCache cache(make_policy(PolicyKind::kAdaptive, told, 1), room);
    uint64_t hits = 0;
    for (size_t r = 0; r + 1 < trace.offsets.size(); ++r) {
      std::vector<BlockInfo> chain;
      for (uint64_t i = trace.offsets[r]; i < trace.offsets[r + 1]; ++i)
        chain.push_back({.id = trace.blocks[i] + 1,
                         .parent = chain.empty() ? 0 : chain.back().id,
                         .depth = static_cast<uint32_t>(chain.size())});
      hits += cache.request(chain);
    }
    return static_cast<double>(hits) / static_cast<double>(trace.blocks.size());
  };
  EXPECT_GT(rate(260, 200), 0.95 * rate(200, 200));
}

}  // namespace pumice::eviction_policy_test
