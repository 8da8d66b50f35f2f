#include "kv/policy/s3fifo_policy.h"

#include <algorithm>
#include <new>

namespace pumice {

void S3FifoPolicy::set_capacity(uint32_t blocks) {
  small_target_ = std::max(1u, blocks / 10);
  ghost_limit_ = std::max(1u, 3 * blocks);
}

void S3FifoPolicy::inserted(NodeId node, const BlockInfo& block) {
  for (NodeHeap& queue : evictable_) queue.make_place(node);
  if (node >= entries_.size()) entries_.resize(node + size_t{1});
  const bool returned = ghost_.erase(block.id);
  entries_[node] = {.id = block.id, .place = next_place_++, .queue = returned ? kMain : kSmall};
  ++sizes_[entries_[node].queue];
}

void S3FifoPolicy::touched(NodeId node) {
  entries_[node].uses = std::min<uint8_t>(kMostUses, static_cast<uint8_t>(entries_[node].uses + 1));
}

void S3FifoPolicy::removed(NodeId node) {
  const Entry& entry = entries_[node];
  evictable_[entry.queue].erase(node);
  --sizes_[entry.queue];
  if (entry.queue != kSmall) return;
  try {
    remember(entry.id);
  } catch (const std::bad_alloc&) {  // as if it had never been here
  }
}

void S3FifoPolicy::set_evictable(NodeId node, bool evictable) {
  const Entry& entry = entries_[node];
  if (evictable) {
    evictable_[entry.queue].set(node, {.value = 0, .tie = entry.place});
  } else {
    evictable_[entry.queue].erase(node);
  }
}

NodeId S3FifoPolicy::victim(const Evictable& filter) {
  for (;;) {
    const Queue preferred = sizes_[kSmall] >= small_target_ ? kSmall : kMain;
    NodeId node = evictable_[preferred].lowest(filter);
    if (node == kNoNode) node = evictable_[1 - preferred].lowest(filter);
    if (node == kNoNode || entries_[node].uses == 0) return node;
    enqueue(node, kMain, entries_[node].queue == kSmall ? 0 : static_cast<uint8_t>(entries_[node].uses - 1));
  }
}

void S3FifoPolicy::enqueue(NodeId node, Queue queue, uint8_t uses) {
  Entry& entry = entries_[node];
  evictable_[entry.queue].erase(node);
  --sizes_[entry.queue];
  entry.place = next_place_++;
  entry.queue = queue;
  entry.uses = uses;
  ++sizes_[queue];
  evictable_[queue].set(node, {.value = 0, .tie = entry.place});
}

void S3FifoPolicy::remember(uint64_t id) {
  ghost_order_.push_back(id);
  ++ghost_next_;
  ghost_[id] = ghost_next_ - 1;
  while (ghost_order_.size() > ghost_limit_) {
    const uint64_t oldest = ghost_order_.front();
    ghost_order_.pop_front();
    const uint64_t* place = ghost_.find(oldest);
    if (place && *place + ghost_order_.size() + 1 == ghost_next_) ghost_.erase(oldest);
  }
}

}  // namespace pumice
