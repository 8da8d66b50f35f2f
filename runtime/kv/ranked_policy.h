// RankedPolicy: what the policies share that give each evictable node a rank and evict the lowest.
//
// A rank is taken when a node becomes evictable; a node that is used is held, so its rank cannot change in between.
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kv/eviction_policy.h"
#include "kv/frequency_memory.h"
#include "kv/node_heap.h"

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
  // The earlier used, the lower; of those that one request used, the deeper.
  static uint64_t recency(const Use& use) { return (use.request << kDepthBits) - (use.block.depth & kDepthMask); }
  void rerank();

  NodeHeap heap_;

 private:
  static constexpr uint32_t kDepthBits = 24, kDepthMask = (1u << kDepthBits) - 1;

  PolicyKind kind_;
  std::vector<Use> uses_;  // by node
  uint64_t request_ = 1;
};

// Least recently used first.
class LruPolicy final : public RankedPolicy {
 public:
  explicit LruPolicy(uint32_t capacity) : RankedPolicy(PolicyKind::kLru, capacity) {}

 private:
  Rank rank(const Use& use) const override { return {.value = 0, .tie = recency(use)}; }
};

// Least frequently used first, then the least recently used. Remembers the counts of evicted blocks; they age.
class LfuPolicy : public RankedPolicy {
 public:
  explicit LfuPolicy(uint32_t capacity) : LfuPolicy(PolicyKind::kLfu, capacity) {}
  void request(std::span<const BlockInfo> chain) override;
  void extend(const BlockInfo& block) override { memory_.count(block.id); }
  void set_capacity(uint32_t blocks) override { memory_.set_capacity(blocks); }

 protected:
  LfuPolicy(PolicyKind kind, uint32_t capacity) : RankedPolicy(kind, capacity), memory_(capacity) {}
  Rank rank(const Use& use) const override {
    return {.value = static_cast<double>(memory_.of(use.block.id)), .tie = recency(use)};
  }

  FrequencyMemory memory_;
};

// Greedy-Dual-Size-Frequency: frequency times cost above a water line that rises to the rank of each victim, so that
// what was dear once is given up in the end.
class CostPolicy final : public LfuPolicy {
 public:
  explicit CostPolicy(uint32_t capacity) : LfuPolicy(PolicyKind::kCost, capacity) {}
  NodeId victim(const Evictable& filter) override;

 private:
  Rank rank(const Use& use) const override;
  double line_ = 0;
};

}  // namespace pumice
