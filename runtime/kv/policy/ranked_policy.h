// RankedPolicy: what the policies share that give each evictable node a rank and evict the lowest.
//
// A rank is taken when a node becomes evictable; a node that is used is held, so its rank cannot change in between.
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kv/index/node_heap.h"
#include "kv/policy/eviction_policy.h"
#include "kv/policy/frequency_memory.h"

namespace pumice {

class RankedPolicy : public EvictionPolicy {
 public:
  RankedPolicy(PolicyKind kind, uint32_t capacity);

  void request(std::span<const BlockInfo> chain) override;
  void extend(const BlockInfo&) override {}
  void inserted(NodeId node, const BlockInfo& block) override;
  void touched(NodeId node) override { uses_[node].request = request_; }
  void removed(NodeId node) override { heap_.erase(node); }
  void set_evictable(NodeId node, bool evictable) override;
  NodeId victim(const Evictable& filter) override { return heap_.lowest(filter); }
  void set_capacity(uint32_t) override {}
  PolicyKind leader() const override { return kind_; }

 protected:
  struct Use {
    BlockInfo block;
    uint64_t request = 0;  // number of the last request that used it
  };
  virtual Rank rank(const Use& use) const = 0;

 private:
  PolicyKind kind_;
  NodeHeap heap_;
  std::vector<Use> uses_;  // by node
  uint64_t request_ = 1;
};

// Least recently used first.
class LruPolicy final : public RankedPolicy {
 public:
  explicit LruPolicy(uint32_t capacity) : RankedPolicy(PolicyKind::kLru, capacity) {}

 private:
  Rank rank(const Use& use) const override { return {.value = 0, .tie = recency(use.request, use.block.depth)}; }
};

// Least frequently used first, with a memory of blocks that are not here: what is asked for again and again stays, no
// matter how long ago.
class LfuPolicy : public RankedPolicy {
 public:
  explicit LfuPolicy(uint32_t capacity) : LfuPolicy(PolicyKind::kLfu, capacity, 20, 1) {}
  void request(std::span<const BlockInfo> chain) override;
  void extend(const BlockInfo& block) override { memory_.count(block.id); }
  void set_capacity(uint32_t blocks) override { memory_.set_half_life(half_life_ * blocks); }

 protected:
  // half_life: of uses, in capacities. kept: see FrequencyMemory.
  LfuPolicy(PolicyKind kind, uint32_t capacity, double half_life, double kept);
  Rank rank(const Use& use) const override {
    return {.value = memory_.score(use.block.id), .tie = recency(use.request, use.block.depth)};
  }

 private:
  double half_life_;
  FrequencyMemory memory_;
};

// Recompute cost times the frequency of late: with a half-life of one turnover of the cache, between LRU and LFU. (Cost
// times all uses ever, or times the last one, loses to LRU on long conversations.)
class CostPolicy final : public LfuPolicy {
 public:
  explicit CostPolicy(uint32_t capacity) : LfuPolicy(PolicyKind::kCost, capacity, 1, 4) {}

 private:
  Rank rank(const Use& use) const override;
};

}  // namespace pumice
