#include "kv/policy/random_policy.h"

namespace pumice {

void RandomPolicy::inserted(NodeId node, const BlockInfo&) {
  if (node < place_.size()) return;
  if (nodes_.capacity() <= node) nodes_.reserve(2 * (node + size_t{1}));
  place_.resize(node + size_t{1}, kAbsent);
}

void RandomPolicy::set_evictable(NodeId node, bool evictable) {
  uint32_t& place = place_[node];
  if (evictable == (place != kAbsent)) return;
  if (evictable) {
    place = static_cast<uint32_t>(nodes_.size());
    nodes_.push_back(node);
    return;
  }
  nodes_[place] = nodes_.back();
  place_[nodes_[place]] = place;
  place = kAbsent;
  nodes_.pop_back();
}

NodeId RandomPolicy::victim(const Evictable& filter) {
  const size_t count = nodes_.size();
  const size_t first = count > 0 ? random_.next() % count : 0;
  for (size_t i = 0; i < count; ++i) {
    const NodeId node = nodes_[(first + i) % count];
    if (!filter || filter(node)) return node;
  }
  return kNoNode;
}

}  // namespace pumice
