// HitCurve: its points are those of caches of these sizes under LRU.
#include "kv/policy/hit_curve.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "kv/policy/ranked_policy.h"
#include "kv/policy/shadow_cache.h"

namespace pumice::hit_curve_test {

// Conversations that go on, with their beginnings in common; some texts are longer than the smallest cache.
std::vector<std::vector<uint64_t>> conversations(size_t requests, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::vector<uint64_t>> open(8), requested;
  uint64_t next = 100;
  while (requested.size() < requests) {
    std::vector<uint64_t>& text = open[random() % open.size()];
    if (text.empty() || text.size() > 30) {
      const uint64_t beginning = random() % 3;
      text.clear();
      for (uint64_t i = 0; i < 2 + beginning; ++i) text.push_back(1 + 10 * beginning + i);
    }
    for (uint64_t i = random() % 4; i-- > 0;) text.push_back(next++);
    requested.push_back(text);
  }
  return requested;
}

double shadow_rate(const std::vector<std::vector<uint64_t>>& requests, uint32_t capacity) {
  ShadowCache cache(std::make_unique<LruPolicy>(capacity), capacity);
  uint64_t hits = 0, asked = 0;
  for (const auto& request : requests) {
    std::vector<BlockInfo> chain;
    for (const uint64_t id : request)
      chain.push_back(
          {.id = id, .parent = chain.empty() ? 0 : chain.back().id, .depth = static_cast<uint32_t>(chain.size())});
    hits += cache.request(chain);
    asked += request.size();
  }
  return static_cast<double>(hits) / static_cast<double>(asked);
}

TEST(HitCurve, IsWhatCachesOfTheseSizesGive) {
  for (const uint32_t capacity : {16u, 41u, 100u}) {
    const auto requests = conversations(2000, capacity);
    HitCurve curve(capacity);
    for (const auto& request : requests) curve.request(request);
    const auto points = curve.points();
    for (size_t i = 0; i < points.size(); ++i) {
      EXPECT_EQ(points[i].blocks, static_cast<uint32_t>(HitCurve::kSizes[i] * capacity));
      EXPECT_DOUBLE_EQ(points[i].hit_rate, shadow_rate(requests, points[i].blocks)) << points[i].blocks;
      EXPECT_GE(points[i].hit_rate, points[i > 0 ? i - 1 : 0].hit_rate);
    }
    EXPECT_GT(points[4].hit_rate, points[0].hit_rate + 0.1) << "the sizes are told apart";
  }
}

TEST(HitCurve, GeneratedBlocksAreThereForTheNextRequest) {
  HitCurve curve(8);
  const std::vector<uint64_t> first{1, 2}, second{1, 2, 3, 4};
  curve.request(first);
  curve.reset_counts();
  curve.extend(3);
  curve.request(second);
  EXPECT_DOUBLE_EQ(curve.points()[2].hit_rate, 0.75);
  EXPECT_EQ(curve.asked(), 4u);
}

TEST(HitCurve, NothingAskedIsNoHit) {
  EXPECT_EQ(HitCurve(0).points()[4].hit_rate, 0);
  HitCurve curve(1);
  curve.request({});
  EXPECT_EQ(curve.points()[4].hit_rate, 0);
}

}  // namespace pumice::hit_curve_test
