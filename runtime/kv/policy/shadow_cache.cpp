#include "kv/policy/shadow_cache.h"

#include <new>

namespace pumice {

ShadowCache::ShadowCache(std::unique_ptr<EvictionPolicy> policy, uint32_t capacity, Changed changed)
    : tree_(std::move(policy)), capacity_(capacity), changed_(std::move(changed)) {
  tree_.reserve(capacity);
}

uint32_t ShadowCache::request(std::span<const BlockInfo> chain) {
  EvictionPolicy& policy = tree_.policy();
  policy.request(chain);
  NodeId last = kNoNode;
  size_t hits = 0;
  for (; hits < chain.size(); ++hits) {
    const NodeId node = tree_.find(chain[hits].id);
    if (node == kNoNode || tree_.parent(node) != last) break;
    last = node;
  }
  // Holding the last block holds those before it.
  if (last != kNoNode) tree_.hold(last);
  for (NodeId node = last; node != kNoNode; node = tree_.parent(node)) policy.touched(node);
  for (size_t i = hits; i < chain.size(); ++i) {
    const NodeId node = insert(last, chain[i]);
    if (node == kNoNode) break;
    if (last != kNoNode) tree_.unhold(last);
    last = node;
  }
  if (last != kNoNode) tree_.unhold(last);
  return static_cast<uint32_t>(hits);
}

void ShadowCache::extend(const BlockInfo& block) {
  tree_.policy().extend(block);
  const NodeId parent = block.parent != 0 ? tree_.find(block.parent) : kNoNode;
  if (block.parent != 0 && parent == kNoNode) return;
  if (parent != kNoNode) tree_.hold(parent);
  const NodeId node = insert(parent, block);
  if (node != kNoNode) tree_.unhold(node);
  if (parent != kNoNode) tree_.unhold(parent);
}

void ShadowCache::set_capacity(uint32_t blocks) {
  capacity_ = blocks;
  tree_.policy().set_capacity(blocks);
  while (tree_.size() > capacity_ && evict()) {
  }
}

bool ShadowCache::evict() {
  const NodeId node = tree_.policy().victim({});
  if (node == kNoNode) return false;
  const uint64_t id = tree_.block(node).id;
  tree_.remove(node);
  ++evictions_;
  if (changed_) changed_(id, false);
  return true;
}

NodeId ShadowCache::insert(NodeId parent, const BlockInfo& block) {
  if (tree_.find(block.id) != kNoNode) return kNoNode;
  if (tree_.size() >= capacity_ && !evict()) return kNoNode;
  NodeId node = kNoNode;
  try {
    node = tree_.insert(parent, block);
  } catch (const std::bad_alloc&) {  // as when nothing may go
    return kNoNode;
  }
  if (changed_) changed_(block.id, true);
  return node;
}

}  // namespace pumice
