// IdMap and NodeHeap against the standard containers, with random changes.
#include "kv/index/id_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "kv/index/node_heap.h"

namespace pumice::id_map_test {

TEST(IdMap, IsAMap) {
  std::mt19937_64 random(1);
  IdMap<uint32_t> map;
  std::map<uint64_t, uint32_t> model;
  for (int i = 0; i < 50'000; ++i) {
    const uint64_t id = 1 + random() % 500;  // close together, so that runs of slots form
    if (random() % 2) {
      map[id] = model[id] = static_cast<uint32_t>(i);
    } else {
      ASSERT_EQ(map.erase(id), model.erase(id) == 1);
    }
    const uint64_t asked = 1 + random() % 500;
    const uint32_t* value = map.find(asked);
    ASSERT_EQ(value != nullptr, model.contains(asked));
    ASSERT_TRUE(!value || *value == model[asked]);
    ASSERT_EQ(map.size(), model.size());
  }
  map.filter([](uint64_t, uint32_t& value) { return (value /= 2) % 2 == 0; });
  for (auto& [id, value] : model) value /= 2;
  std::erase_if(model, [](const auto& entry) { return entry.second % 2 != 0; });
  EXPECT_EQ(map.size(), model.size());
  for (const auto& [id, value] : model) EXPECT_EQ(map.find(id) ? *map.find(id) : UINT32_MAX, value);
  map.clear();
  EXPECT_EQ(map.size(), 0u);
  EXPECT_EQ(map.find(model.begin()->first), nullptr);
}

TEST(NodeHeap, GivesTheLowest) {
  std::mt19937_64 random(2);
  NodeHeap heap;
  std::map<NodeId, Rank> model;
  for (int i = 0; i < 50'000; ++i) {
    const NodeId node = static_cast<NodeId>(random() % 60);
    if (random() % 3) {
      const Rank rank{.value = static_cast<double>(random() % 20), .tie = random() % 1000};
      heap.set(node, rank);
      model[node] = rank;
    } else {
      heap.erase(node);
      model.erase(node);
    }
    ASSERT_EQ(heap.size(), model.size());
    ASSERT_EQ(heap.lowest() == kNoNode, model.empty());
    if (model.empty()) continue;
    const auto by_rank = [](const auto& a, const auto& b) { return a.second < b.second; };
    ASSERT_EQ(heap.rank(heap.lowest()), std::min_element(model.begin(), model.end(), by_rank)->second);
    const NodeId odd = heap.lowest([](NodeId n) { return n % 2 == 1; });
    for (const auto& [n, rank] : model) ASSERT_TRUE(n % 2 == 0 || heap.rank(odd) <= rank);
  }
}

}  // namespace pumice::id_map_test
