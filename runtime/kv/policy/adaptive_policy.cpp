#include "kv/policy/adaptive_policy.h"

#include <algorithm>
#include <cmath>

namespace pumice {
namespace {

constexpr PolicyKind kContenders[] = {PolicyKind::kLru,  PolicyKind::kLfu,    PolicyKind::kS3Fifo,
                                      PolicyKind::kCost, PolicyKind::kRandom, PolicyKind::kLearned};
// Of the scores, in blocks asked for per block of capacity. Found on conversations, loops, scans and shifting
// popularity: 5 to 80 differ by less than a hundredth in hit rate.
constexpr double kMemory = 20;
// What the learned one is judged by: over so long, and by so much ahead, because a change of leaders costs what the
// real cache then holds in vain.
constexpr double kLongMemory = 100, kLead = 1.03;

}  // namespace

AdaptivePolicy::AdaptivePolicy(uint32_t capacity, uint64_t seed, bool learned) : capacity_(capacity), room_(capacity) {
  evictable_.reserve(capacity);
  nodes_.reserve(capacity);
  ids_.reserve(capacity);
  for (const PolicyKind kind : kContenders) {
    if (kind == PolicyKind::kLearned && !learned) continue;
    Contender& contender = *contenders_.emplace_back(std::make_unique<Contender>());
    contender.kind = kind;
    contender.shadow = std::make_unique<ShadowCache>(
        make_policy(kind, capacity, seed), capacity,
        [this, &contender](uint64_t id, bool held) { shadow_changed(contender, id, held); });
    if (kind == PolicyKind::kLearned) learned_ = &contender;
  }
  best_fixed_ = contenders_[0].get();
  leader_ = learned_ ? learned_ : best_fixed_;  // a cache that holds nothing loses nothing by a change
}

void AdaptivePolicy::request(std::span<const BlockInfo> chain) {
  ++request_;
  const double turnovers = static_cast<double>(chain.size()) / std::max(capacity_, 1u);
  const double keep = std::exp(-turnovers / kMemory), keep_long = std::exp(-turnovers / kLongMemory);
  asked_ = asked_ * keep + static_cast<double>(chain.size());
  long_asked_ = long_asked_ * keep_long + static_cast<double>(chain.size());
  for (const auto& contender : contenders_) {
    const uint32_t hits = contender->shadow->request(chain);
    contender->score = contender->score * keep + hits;
    contender->long_score = contender->long_score * keep_long + hits;
  }
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
  const NodeHeap& absent = leader_->absent;
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

std::vector<Expert> AdaptivePolicy::experts() const {
  std::vector<Expert> experts;
  for (const auto& contender : contenders_)
    experts.push_back({.policy = contender->kind,
                       .hit_rate = long_asked_ > 0 ? contender->long_score / long_asked_ : 0,
                       .hit_rate_lately = asked_ > 0 ? contender->score / asked_ : 0,
                       .leads = contender.get() == leader_});
  return experts;
}

std::vector<LearnedKind> AdaptivePolicy::learned() const {
  return learned_ ? learned_->shadow->policy().learned() : std::vector<LearnedKind>{};
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
  double to_beat = 0;
  for (const auto& contender : contenders_) {
    if (contender->kind == PolicyKind::kLearned) continue;
    if (contender->score > best_fixed_->score) best_fixed_ = contender.get();
    to_beat = std::max(to_beat, contender->long_score);
  }
  if (leader_ != learned_) to_beat *= kLead;
  leader_ = learned_ && learned_->long_score >= to_beat ? learned_ : best_fixed_;
}

void AdaptivePolicy::set_room(uint32_t blocks) {
  room_ = blocks;
  for (const auto& contender : contenders_) contender->shadow->set_capacity(blocks);
}

Rank AdaptivePolicy::rank(NodeId node) const {
  return {.value = 0, .tie = recency(nodes_[node].request, nodes_[node].block.depth)};
}

}  // namespace pumice
