// NodeHeap: nodes in a binary heap by rank, where each can be found, moved and taken out.
//
// Thread rule: one thread at a time.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "kv/policy/eviction_policy.h"

namespace pumice {

// The lowest goes first.
struct Rank {
  double value = 0;
  uint64_t tie = 0;
  auto operator<=>(const Rank&) const = default;
};

// A tie: the earlier used, the lower; of those that one request used, the deeper.
inline uint64_t recency(uint64_t request, uint32_t depth) {
  constexpr uint32_t kDepthBits = 24;
  return (request << kDepthBits) - (depth & ((1u << kDepthBits) - 1));
}

class NodeHeap {
 public:
  bool contains(NodeId node) const { return node < place_.size() && place_[node] != kAbsent; }
  uint32_t size() const { return static_cast<uint32_t>(heap_.size()); }
  void make_place(NodeId node);      // so that set() of it and all below it needs no memory
  void set(NodeId node, Rank rank);  // puts it in, or moves it
  void erase(NodeId node);           // no matter whether it is in
  void reserve(uint32_t nodes);

  NodeId lowest() const { return heap_.empty() ? kNoNode : heap_[0].node; }  // kNoNode: empty
  Rank rank(NodeId node) const { return heap_[place_[node]].rank; }          // of one that is in
  // The lowest of those that `filter` allows (empty: all); looks at all of them when there is a filter.
  NodeId lowest(const EvictionPolicy::Evictable& filter) const;
  // Ranks all anew: rank(node) -> Rank.
  template <typename RankOf>
  void rerank(RankOf rank_of) {
    for (Entry& entry : heap_) entry.rank = rank_of(entry.node);
    for (uint32_t place = size() / 2; place-- > 0;) sink(place);
  }

 private:
  struct Entry {
    Rank rank;
    NodeId node = kNoNode;
  };
  static constexpr uint32_t kAbsent = UINT32_MAX;

  void put(uint32_t place, const Entry& entry) {
    heap_[place] = entry;
    place_[entry.node] = place;
  }
  void rise(uint32_t place);
  void sink(uint32_t place);

  std::vector<Entry> heap_;
  std::vector<uint32_t> place_;  // of each node in heap_
};

}  // namespace pumice
