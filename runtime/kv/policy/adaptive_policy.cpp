#include "kv/policy/adaptive_policy.h"

#include <algorithm>
#include <cmath>

namespace pumice {
namespace {

constexpr PolicyKind kContenders[] = {PolicyKind::kLru, PolicyKind::kLfu, PolicyKind::kS3Fifo, PolicyKind::kCost,
                                      PolicyKind::kRandom};
// Of the scores, in blocks asked for per block of capacity. Found on conversations, loops, scans and shifting
// popularity: 5 to 80 differ by less than a hundredth in hit rate.
constexpr double kMemory = 20;

}  // namespace

AdaptivePolicy::AdaptivePolicy(uint32_t capacity, uint64_t seed) : capacity_(capacity), room_(capacity) {
  evictable_.reserve(capacity);
  nodes_.reserve(capacity);
  ids_.reserve(capacity);
  for (const PolicyKind kind : kContenders) {
    Contender& contender = *contenders_.emplace_back(std::make_unique<Contender>());
    contender.kind = kind;
    contender.shadow = std::make_unique<ShadowCache>(
        make_policy(kind, capacity, seed), capacity,
        [this, &contender](uint64_t id, bool held) { shadow_changed(contender, id, held); });
  }
}

void AdaptivePolicy::request(std::span<const BlockInfo> chain) {
  ++request_;
  const double keep = std::exp(-static_cast<double>(chain.size()) / (kMemory * std::max(capacity_, 1u)));
  for (const auto& contender : contenders_)
    contender->score = contender->score * keep + contender->shadow->request(chain);
  choose_leader();
}

void AdaptivePolicy::extend(const BlockInfo& block) {
  for (const auto& contender : contenders_) contender->shadow->extend(block);
}

void AdaptivePolicy::inserted(NodeId node, const BlockInfo& block) {
  evictable_.make_place(node);
  for (const auto& contender : contenders_) contender->absent.make_place(node);
  if (node >= nodes_.size()) nodes_.resize(node + size_t{1});
  nodes_[node] = {.block = block, .request = request_};
  ids_[block.id] = node;
  if (ids_.size() > room_ && room_ < capacity_) set_room(room_ + 1);
}

void AdaptivePolicy::removed(NodeId node) {
  set_evictable(node, false);
  ids_.erase(nodes_[node].block.id);
}

void AdaptivePolicy::set_evictable(NodeId node, bool evictable) {
  if (!evictable) {
    evictable_.erase(node);
    for (const auto& contender : contenders_) contender->absent.erase(node);
    return;
  }
  evictable_.set(node, rank(node));
  for (const auto& contender : contenders_)
    if (!contender->shadow->holds(nodes_[node].block.id)) contender->absent.set(node, rank(node));
}

NodeId AdaptivePolicy::victim(const Evictable& filter) {
  const NodeHeap& absent = contenders_[leader_]->absent;
  NodeId node = absent.lowest(filter);
  if (node != kNoNode) return node;
  if (!filter && evictable_.size() > 0) {
    set_room(std::max(1u, std::min(room_, static_cast<uint32_t>(ids_.size())) - 1));
    node = absent.lowest();
  }
  return node != kNoNode ? node : evictable_.lowest(filter);
}

void AdaptivePolicy::set_capacity(uint32_t blocks) {
  capacity_ = blocks;
  set_room(blocks);
}

void AdaptivePolicy::shadow_changed(Contender& contender, uint64_t id, bool held) {
  const NodeId* node = ids_.find(id);
  if (!node || !evictable_.contains(*node)) return;
  if (held) {
    contender.absent.erase(*node);
  } else {
    contender.absent.set(*node, rank(*node));
  }
}

void AdaptivePolicy::choose_leader() {
  for (size_t i = 0; i < contenders_.size(); ++i)
    if (contenders_[i]->score > contenders_[leader_]->score) leader_ = i;
}

void AdaptivePolicy::set_room(uint32_t blocks) {
  room_ = blocks;
  for (const auto& contender : contenders_) contender->shadow->set_capacity(blocks);
}

Rank AdaptivePolicy::rank(NodeId node) const {
  return {.value = 0, .tie = recency(nodes_[node].request, nodes_[node].block.depth)};
}

}  // namespace pumice
