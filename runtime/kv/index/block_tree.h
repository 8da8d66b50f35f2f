// BlockTree: the forest of blocks that a cache holds, and which of them may go.
//
// A node may go when nobody holds it or anything behind it, and nothing is behind it. The tree tells its policy which
// those are as they change, so that finding a victim never walks the tree. The real cache (PrefixIndex) and the shadows
// of the adaptive policy both are such trees. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "kv/index/id_map.h"
#include "kv/policy/eviction_policy.h"

namespace pumice {

class BlockTree {
 public:
  // Called beside the policy whenever a node begins or ceases to be evictable; may be empty.
  using EvictableChanged = std::function<void(NodeId, bool)>;

  BlockTree(std::unique_ptr<EvictionPolicy> policy, EvictableChanged changed = {});
  void reserve(uint32_t nodes);

  NodeId find(uint64_t id) const;  // kNoNode: not here
  // The id must not be here, and the parent must be held (kNoNode: none). The caller holds the new node once.
  NodeId insert(NodeId parent, const BlockInfo& block);
  void hold(NodeId node);  // counted; it and those before it stay
  void unhold(NodeId node);
  void remove(NodeId node);  // must be evictable

  const BlockInfo& block(NodeId node) const { return nodes_[node].block; }
  NodeId parent(NodeId node) const { return nodes_[node].parent; }
  bool present(NodeId node) const { return node < nodes_.size() && nodes_[node].block.id != 0; }
  bool leaf(NodeId node) const { return nodes_[node].children == 0; }
  bool busy(NodeId node) const { return nodes_[node].holds > 0 || nodes_[node].busy_children > 0; }
  bool evictable(NodeId node) const { return leaf(node) && !busy(node); }
  uint32_t size() const { return static_cast<uint32_t>(ids_.size()); }
  uint32_t idle() const { return idle_; }  // nodes that are not busy: those that may go one after another
  uint32_t slots() const { return static_cast<uint32_t>(nodes_.size()); }  // ids of nodes are below it
  // The nodes from the first of the text to `node`.
  std::vector<NodeId> path(NodeId node) const;

  EvictionPolicy& policy() { return *policy_; }
  const EvictionPolicy& policy() const { return *policy_; }
  // Tells the new policy of all nodes as if the texts that end in `leaves` had been requested in that order.
  void set_policy(std::unique_ptr<EvictionPolicy> policy, const std::vector<NodeId>& leaves);

  void check_invariants() const;  // for tests: throws BrokenInvariant when something is wrong

 private:
  struct Node {
    BlockInfo block;  // id 0: the slot is free
    NodeId parent = kNoNode;
    uint32_t children = 0;
    uint32_t holds = 0;
    uint32_t busy_children = 0;
  };

  void set_evictable(NodeId node, bool evictable);
  void became_busy(NodeId node);
  void became_idle(NodeId node);

  std::unique_ptr<EvictionPolicy> policy_;
  EvictableChanged changed_;
  std::vector<Node> nodes_;
  std::vector<NodeId> free_;
  IdMap<NodeId> ids_;
  uint32_t idle_ = 0;
};

}  // namespace pumice
