// AdaptivePolicy: follows the policy that has been doing best.
//
// Shadow caches of the fixed policies and the learned one see every request. Their hits are added up with a decay, and
// the one with the highest score leads; the learned one only while it is ahead of all fixed ones over a longer time.
// What the leader does not hold goes first, the least recently used before others: so the real cache comes to hold what
// the leader holds, at no more evictions than its misses need. Where all evictable blocks are held by the leader (pages
// that are not sealed yet take room that shadows do not know of), the shadows get as much room as the real cache has.
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kv/index/id_map.h"
#include "kv/index/node_heap.h"
#include "kv/policy/eviction_policy.h"
#include "kv/policy/shadow_cache.h"

namespace pumice {

class AdaptivePolicy final : public EvictionPolicy {
 public:
  AdaptivePolicy(uint32_t capacity, uint64_t seed, bool learned);
  AdaptivePolicy(const AdaptivePolicy&) = delete;
  AdaptivePolicy& operator=(const AdaptivePolicy&) = delete;

  void request(std::span<const BlockInfo> chain) override;
  void extend(const BlockInfo& block) override;
  void inserted(NodeId node, const BlockInfo& block) override;
  void touched(NodeId node) override { nodes_[node].request = request_; }
  void removed(NodeId node) override;
  void set_evictable(NodeId node, bool evictable) override;
  NodeId victim(const Evictable& filter) override;
  void set_capacity(uint32_t blocks) override;
  PolicyKind leader() const override { return leader_->kind; }
  std::vector<Expert> experts() const override;
  std::vector<LearnedKind> learned() const override;

 private:
  struct Contender {
    PolicyKind kind;
    std::unique_ptr<ShadowCache> shadow;
    NodeHeap absent;  // evictable nodes of the real cache that the shadow does not hold
    double score = 0, long_score = 0;
  };
  struct Node {
    BlockInfo block;
    uint64_t request = 0;
  };

  void shadow_changed(Contender& contender, uint64_t id, bool held);
  void choose_leader();
  void set_room(uint32_t blocks);
  Rank rank(NodeId node) const;

  std::vector<std::unique_ptr<Contender>> contenders_;
  Contender* learned_ = nullptr;  // may be
  Contender* best_fixed_;
  Contender* leader_;
  double asked_ = 0, long_asked_ = 0;  // blocks, with the decay of the scores
  NodeHeap evictable_;                 // all, the least recently used first
  std::vector<Node> nodes_;            // of the real cache
  IdMap<NodeId> ids_;                  // of the real cache
  uint64_t request_ = 1;
  uint32_t capacity_, room_;  // room_: of the shadows, at most capacity_
};

}  // namespace pumice
