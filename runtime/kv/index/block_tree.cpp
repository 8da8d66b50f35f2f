#include "kv/index/block_tree.h"

#include <algorithm>

namespace pumice {

BlockTree::BlockTree(std::unique_ptr<EvictionPolicy> policy, EvictableChanged changed)
    : policy_(std::move(policy)), changed_(std::move(changed)) {}

void BlockTree::reserve(uint32_t nodes) {
  nodes_.reserve(nodes);
  free_.reserve(nodes);
  ids_.reserve(nodes);
}

NodeId BlockTree::find(uint64_t id) const {
  const NodeId* node = ids_.find(id);
  return node ? *node : kNoNode;
}

NodeId BlockTree::insert(NodeId parent, const BlockInfo& block) {
  PUMICE_CHECK(block.id != 0 && find(block.id) == kNoNode);
  PUMICE_CHECK(parent == kNoNode || (present(parent) && busy(parent)));
  // All that allocates comes first; when it fails, the node is free.
  if (free_.empty()) {
    if (free_.capacity() <= nodes_.size()) free_.reserve(2 * nodes_.size() + 1);
    nodes_.emplace_back();
    free_.push_back(static_cast<NodeId>(nodes_.size() - 1));
  }
  const NodeId node = free_.back();
  ids_.reserve(ids_.size() + 1);
  policy_->inserted(node, block);
  free_.pop_back();
  nodes_[node] = {.block = block, .parent = parent, .holds = 1};
  ids_[block.id] = node;
  if (parent == kNoNode) return node;
  ++nodes_[parent].children;
  ++nodes_[parent].busy_children;
  return node;
}

void BlockTree::hold(NodeId node) {
  PUMICE_CHECK(present(node));
  const bool was_busy = busy(node);
  ++nodes_[node].holds;
  if (!was_busy) became_busy(node);
}

void BlockTree::unhold(NodeId node) {
  PUMICE_CHECK(present(node) && nodes_[node].holds > 0);
  --nodes_[node].holds;
  if (!busy(node)) became_idle(node);
}

void BlockTree::remove(NodeId node) {
  PUMICE_CHECK(present(node) && evictable(node));
  const NodeId parent = nodes_[node].parent;
  policy_->removed(node);
  if (changed_) changed_(node, false);
  ids_.erase(nodes_[node].block.id);
  nodes_[node] = {};
  free_.push_back(node);
  --idle_;
  if (parent == kNoNode) return;
  --nodes_[parent].children;
  if (evictable(parent)) set_evictable(parent, true);
}

std::vector<NodeId> BlockTree::path(NodeId node) const {
  std::vector<NodeId> nodes;
  for (; node != kNoNode; node = nodes_[node].parent) nodes.push_back(node);
  std::reverse(nodes.begin(), nodes.end());
  return nodes;
}

void BlockTree::set_policy(std::unique_ptr<EvictionPolicy> policy, const std::vector<NodeId>& leaves) {
  std::vector<bool> told(nodes_.size());
  std::vector<BlockInfo> chain;
  for (const NodeId last : leaves) {
    const std::vector<NodeId> nodes = path(last);
    chain.clear();
    for (const NodeId node : nodes) chain.push_back(block(node));
    policy->request(chain);
    for (const NodeId node : nodes) {
      if (told[node]) {
        policy->touched(node);
      } else {
        policy->inserted(node, block(node));
      }
      told[node] = true;
    }
  }
  for (NodeId node = 0; node < nodes_.size(); ++node)
    if (present(node) && evictable(node)) policy->set_evictable(node, true);
  policy_ = std::move(policy);
}

void BlockTree::set_evictable(NodeId node, bool evictable) {
  policy_->set_evictable(node, evictable);
  if (changed_) changed_(node, evictable);
}

void BlockTree::became_busy(NodeId node) {
  for (;;) {
    --idle_;
    if (leaf(node)) set_evictable(node, false);
    node = nodes_[node].parent;
    if (node == kNoNode) return;
    const bool was_busy = busy(node);
    ++nodes_[node].busy_children;
    if (was_busy) return;
  }
}

void BlockTree::became_idle(NodeId node) {
  for (;;) {
    ++idle_;
    if (leaf(node)) set_evictable(node, true);
    node = nodes_[node].parent;
    if (node == kNoNode) return;
    --nodes_[node].busy_children;
    if (busy(node)) return;
  }
}

void BlockTree::check_invariants() const {
  std::vector<uint32_t> children(nodes_.size()), busy_children(nodes_.size());
  uint32_t present_nodes = 0, idle_nodes = 0;
  for (NodeId node = 0; node < nodes_.size(); ++node) {
    if (!present(node)) continue;
    ++present_nodes;
    idle_nodes += busy(node) ? 0u : 1u;
    PUMICE_CHECK(find(block(node).id) == node);
    const NodeId before = parent(node);
    if (before == kNoNode) continue;
    PUMICE_CHECK(present(before) && block(before).depth + 1 == block(node).depth);
    ++children[before];
    busy_children[before] += busy(node) ? 1u : 0u;
  }
  PUMICE_CHECK(present_nodes == size() && idle_nodes == idle_ && present_nodes + free_.size() == nodes_.size());
  for (NodeId node = 0; node < nodes_.size(); ++node)
    PUMICE_CHECK(nodes_[node].children == children[node] && nodes_[node].busy_children == busy_children[node]);
}

}  // namespace pumice
