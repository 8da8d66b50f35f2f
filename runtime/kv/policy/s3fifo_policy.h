// S3FifoPolicy: three first-in first-out queues: a small one for what is new, a main one for what was used again, and a
// ghost of ids that left the small one unused; a block that comes back while it is in the ghost goes to the main queue.
//
// In a tree a block can go only after those behind it, so each queue gives up the first of its evictable blocks.
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "kv/index/id_map.h"
#include "kv/index/node_heap.h"
#include "kv/policy/eviction_policy.h"

namespace pumice {

class S3FifoPolicy final : public EvictionPolicy {
 public:
  explicit S3FifoPolicy(uint32_t capacity) { set_capacity(capacity); }

  void request(std::span<const BlockInfo>) override {}
  void extend(const BlockInfo&) override {}
  void inserted(NodeId node, const BlockInfo& block) override;
  void touched(NodeId node) override;
  void removed(NodeId node) override;
  void set_evictable(NodeId node, bool evictable) override;
  NodeId victim(const Evictable& filter) override;
  void set_capacity(uint32_t blocks) override;
  PolicyKind leader() const override { return PolicyKind::kS3Fifo; }

 private:
  enum Queue : uint8_t { kSmall = 0, kMain = 1 };
  struct Entry {
    uint64_t id = 0;
    uint64_t place = 0;  // in its queue
    Queue queue = kSmall;
    uint8_t uses = 0;  // since it came to the queue, at most kMostUses
  };
  static constexpr uint8_t kMostUses = 3;

  void enqueue(NodeId node, Queue queue, uint8_t uses);
  void remember(uint64_t id);

  NodeHeap evictable_[2];  // by place, of each queue
  uint32_t sizes_[2] = {};
  std::vector<Entry> entries_;  // by node
  IdMap<uint64_t> ghost_;       // to its place in ghost_order_, counted from the start of time
  std::deque<uint64_t> ghost_order_;
  uint64_t next_place_ = 0, ghost_next_ = 0;
  uint32_t small_target_ = 0, ghost_limit_ = 0;
};

}  // namespace pumice
