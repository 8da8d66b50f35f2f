#include "kv/ranked_policy.h"

#include <algorithm>

namespace pumice {

RankedPolicy::RankedPolicy(PolicyKind kind, uint32_t capacity) : kind_(kind) {
  heap_.reserve(capacity);
  uses_.reserve(capacity);
}

void RankedPolicy::request(std::span<const BlockInfo>) { ++request_; }

void RankedPolicy::inserted(NodeId node, const BlockInfo& block) {
  if (node >= uses_.size()) uses_.resize(node + size_t{1});
  uses_[node] = {.block = block, .request = request_};
}

void RankedPolicy::set_evictable(NodeId node, bool evictable) {
  if (evictable) {
    heap_.set(node, rank(uses_[node]));
  } else {
    heap_.erase(node);
  }
}

void RankedPolicy::rerank() {
  heap_.rerank([this](NodeId node) { return rank(uses_[node]); });
}

void LfuPolicy::request(std::span<const BlockInfo> chain) {
  RankedPolicy::request(chain);
  if (memory_.age()) rerank();
  for (const BlockInfo& block : chain) memory_.count(block.id);
}

NodeId CostPolicy::victim(const Evictable& filter) {
  const NodeId node = LfuPolicy::victim(filter);
  if (node != kNoNode) line_ = std::max(line_, heap_.rank(node).value);
  return node;
}

Rank CostPolicy::rank(const Use& use) const {
  const double frequency = memory_.of(use.block.id);
  return {.value = line_ + frequency * static_cast<double>(use.block.cost), .tie = recency(use)};
}

}  // namespace pumice
