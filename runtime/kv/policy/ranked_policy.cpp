#include "kv/policy/ranked_policy.h"

#include <algorithm>
#include <cmath>

namespace pumice {
namespace {

constexpr float kCheapest = 1e-6f;  // so that the logarithm is finite

}  // namespace

RankedPolicy::RankedPolicy(PolicyKind kind, uint32_t capacity) : kind_(kind) {
  heap_.reserve(capacity);
  uses_.reserve(capacity);
}

void RankedPolicy::request(std::span<const BlockInfo>) { ++request_; }

void RankedPolicy::inserted(NodeId node, const BlockInfo& block) {
  heap_.make_place(node);
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

LfuPolicy::LfuPolicy(PolicyKind kind, uint32_t capacity, double half_life, double kept)
    : RankedPolicy(kind, capacity), half_life_(half_life), memory_(half_life * capacity, kept) {
  memory_.reserve(capacity);
}

void LfuPolicy::request(std::span<const BlockInfo> chain) {
  RankedPolicy::request(chain);
  for (const BlockInfo& block : chain) memory_.count(block.id);
}

Rank CostPolicy::rank(const Use& use) const {
  Rank rank = LfuPolicy::rank(use);
  rank.value += std::log2(static_cast<double>(std::max(use.block.cost, kCheapest)));
  return rank;
}

}  // namespace pumice
