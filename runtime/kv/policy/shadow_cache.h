// ShadowCache: what a cache of some capacity would hold under some policy; metadata alone.
//
// It behaves as the real cache does: the leading blocks that are there are hits, the others are inserted one after
// another, the blocks of the request stay while it runs, and when nothing may go the rest is not kept.
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "kv/index/block_tree.h"

namespace pumice {

class ShadowCache {
 public:
  // Called for every block that comes (true) or goes; may be empty.
  using Changed = std::function<void(uint64_t id, bool held)>;

  ShadowCache(std::unique_ptr<EvictionPolicy> policy, uint32_t capacity, Changed changed = {});

  uint32_t request(std::span<const BlockInfo> chain);  // its hits: leading blocks that were there
  void extend(const BlockInfo& block);                 // the block comes if the one before it is there
  bool holds(uint64_t id) const { return tree_.find(id) != kNoNode; }
  void set_capacity(uint32_t blocks);  // gives up what is too much
  uint32_t size() const { return tree_.size(); }
  const EvictionPolicy& policy() const { return tree_.policy(); }
  uint64_t evictions() const { return evictions_; }

 private:
  bool evict();
  NodeId insert(NodeId parent, const BlockInfo& block);

  BlockTree tree_;
  uint32_t capacity_;
  uint64_t evictions_ = 0;
  Changed changed_;
};

}  // namespace pumice
