#include "kv/ranked_policy.h"

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

}  // namespace pumice
