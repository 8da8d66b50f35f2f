#include "kv/random_policy.h"

#include "kv/id_map.h"

namespace pumice {

void RandomPolicy::set_evictable(NodeId node, bool evictable) {
  if (node >= place_.size()) place_.resize(node + size_t{1}, kAbsent);
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
  state_ += 0x9e3779b97f4a7c15u;  // SplitMix64
  const size_t count = nodes_.size();
  const size_t first = count > 0 ? mix_id(state_) % count : 0;
  for (size_t i = 0; i < count; ++i) {
    const NodeId node = nodes_[(first + i) % count];
    if (!filter || filter(node)) return node;
  }
  return kNoNode;
}

}  // namespace pumice
