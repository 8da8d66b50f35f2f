// RandomPolicy: any of the evictable nodes, all equally likely. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "base/random.h"
#include "kv/policy/eviction_policy.h"

namespace pumice {

class RandomPolicy final : public EvictionPolicy {
 public:
  explicit RandomPolicy(uint64_t seed) : random_(seed) {}

  void request(std::span<const BlockInfo>) override {}
  void extend(const BlockInfo&) override {}
  void inserted(NodeId node, const BlockInfo& block) override;
  void touched(NodeId) override {}
  void removed(NodeId node) override { set_evictable(node, false); }
  void set_evictable(NodeId node, bool evictable) override;
  NodeId victim(const Evictable& filter) override;
  void set_capacity(uint32_t) override {}
  PolicyKind leader() const override { return PolicyKind::kRandom; }

 private:
  static constexpr uint32_t kAbsent = UINT32_MAX;

  std::vector<NodeId> nodes_;    // evictable
  std::vector<uint32_t> place_;  // of each node in nodes_
  SplitMix random_;
};

}  // namespace pumice
