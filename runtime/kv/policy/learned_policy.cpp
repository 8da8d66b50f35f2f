#include "kv/policy/learned_policy.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace pumice {
namespace {

constexpr uint64_t kHorizon = 16, kFade = 40;  // in capacities
constexpr float kFinest = 64;                  // the youngest ages of a capacity
constexpr double kPrior = 20;     // blocks of a kind until its own chances count as much as those of others
constexpr double kRarest = 1e-3;  // so that no chance is 0
constexpr size_t kDrawn = 64;     // for a victim

}  // namespace

LearnedPolicy::LearnedPolicy(uint32_t capacity, uint64_t seed)
    : horizon_(kHorizon * std::max(capacity, 1u)),
      scale_(kFinest / static_cast<float>(std::max(capacity, 1u))),
      learn_every_(std::max(256u, capacity / 8)),
      fade_every_(kFade * std::max(capacity, 1u)),
      fade_at_(fade_every_),
      random_(seed) {
  nodes_.reserve(capacity);
  evictable_.reserve(capacity);
  for (uint32_t age = 1; age <= kAges; ++age) {
    ages_[age] = ages_[age - 1];
    while (age_after(ages_[age]) < age) ++ages_[age];
  }
}

void LearnedPolicy::request(std::span<const BlockInfo> chain) {
  for (size_t i = 0; i < chain.size(); ++i) count_use(chain[i], chain.size() - 1 - i);
}

void LearnedPolicy::extend(const BlockInfo& block) {
  // The block before it has been in use until now, and is no longer the last one of its text.
  if (const Use* before = block.depth > 0 ? last_use(block.parent) : nullptr)
    add({.id = before->id,
         .uses = before->uses,
         .kind = kind_of(before->uses, before->late, block.depth - 1, 1),
         .late = before->late});
  count_use(block, 0);
}

void LearnedPolicy::inserted(NodeId node, const BlockInfo& block) {
  if (node >= nodes_.size()) nodes_.resize(node + size_t{1});
  if (evictable_.capacity() <= node) evictable_.reserve(2 * (node + size_t{1}));
  nodes_[node] = {.id = block.id};
}

void LearnedPolicy::set_evictable(NodeId node, bool evictable) {
  uint32_t& place = nodes_[node].place;
  if (evictable == (place != kAbsent)) return;
  if (evictable) {
    const Use* last = last_use(nodes_[node].id);
    place = static_cast<uint32_t>(evictable_.size());
    evictable_.push_back({.use = last ? last->number : kNever, .node = node, .kind = last ? last->kind : uint8_t{0}});
    return;
  }
  evictable_[place] = evictable_.back();
  nodes_[evictable_[place].node].place = place;
  place = kAbsent;
  evictable_.pop_back();
}

NodeId LearnedPolicy::victim(const Evictable& filter) {
  Candidate least;
  double least_worth = 0;
  const auto consider = [&](const Candidate& candidate) {
    const double worth = worth_[candidate.kind][age_of(candidate.use)];
    const bool less = worth < least_worth || (worth == least_worth && candidate.use < least.use);
    if ((least.node != kNoNode && !less) || (filter && !filter(candidate.node))) return;
    least = candidate;
    least_worth = worth;
  };
  if (filter || evictable_.size() <= kDrawn) {
    std::for_each(evictable_.begin(), evictable_.end(), consider);
  } else {
    std::array<Candidate, kDrawn> drawn;  // before any is looked at, so that their cache misses overlap
    for (Candidate& candidate : drawn) candidate = evictable_[(random_.next() >> 32) * evictable_.size() >> 32];
    std::for_each(drawn.begin(), drawn.end(), consider);
  }
  return least.node;
}

std::vector<LearnedKind> LearnedPolicy::learned() const {
  std::vector<LearnedKind> kinds;
  for (uint32_t kind = 0; kind < kKinds; ++kind) {
    if (reached_[kind][0] < 1) continue;
    double stays_away = 1;
    for (const double chance : chances_[kind]) stays_away *= 1 - chance;
    const auto text = static_cast<uint32_t>(kind / kFromEnd.size());
    const auto uses = static_cast<uint32_t>(text / kDepths.size());
    kinds.push_back({.uses = kUses[uses / 2],
                     .depth = kDepths[text % kDepths.size()],
                     .from_end = kFromEnd[kind % kFromEnd.size()],
                     .late = uses % 2 == 1,
                     .seen = reached_[kind][0],
                     .comes_back = 1 - stays_away,
                     .worth = worth_[kind][0]});
  }
  return kinds;
}

const LearnedPolicy::Use* LearnedPolicy::last_use(uint64_t id) const {
  const uint64_t* number = last_use_.find(id);
  return number && *number != kNever && age_of(*number) != kForgotten ? &uses_[place_of(*number)] : nullptr;
}

uint8_t LearnedPolicy::kind_of(uint32_t uses, bool late, uint32_t depth, size_t from_end) {
  const auto class_of = [](const auto& begins, size_t value) {
    return static_cast<size_t>(std::upper_bound(begins.begin(), begins.end(), value) - begins.begin() - 1);
  };
  const size_t place = (class_of(kUses, uses) * 2 + (late ? 1 : 0)) * kDepths.size() + class_of(kDepths, depth);
  return static_cast<uint8_t>(place * kFromEnd.size() + class_of(kFromEnd, from_end));
}

uint32_t LearnedPolicy::age_after(uint64_t uses_of_any) const {
  // The exponent of a floating-point number and the first bit of its fraction.
  const float scaled = 1 + scale_ * static_cast<float>(uses_of_any);
  return std::min((std::bit_cast<uint32_t>(scaled) - std::bit_cast<uint32_t>(1.0f)) >> 22, kForgotten);
}

void LearnedPolicy::count_use(const BlockInfo& block, size_t from_end) {
  Use use{.id = block.id, .uses = 1};
  if (const Use* before = last_use(block.id)) {
    const uint32_t age = age_of(before->number);
    returned_[before->kind][age] += 1;
    use.uses = before->uses + 1;
    use.late = age >= kLate;
  }
  use.kind = kind_of(use.uses, use.late, block.depth, from_end);
  add(use);
  if (now_ >= learn_at_) learn();
}

void LearnedPolicy::add(Use use) {
  if (uses_.size() == now_ && now_ < horizon_) uses_.emplace_back();
  Use& oldest = uses_[place_of(now_ + 1)];
  if (std::exchange(oldest.last, false)) last_use_.erase(oldest.id);
  uint64_t& number = last_use_[use.id];
  if (number != kNever) uses_[place_of(number)].last = false;
  use.number = number = ++now_;
  use.last = true;
  oldest = use;
  reached_[use.kind][0] += 1;
  for (uint32_t age = 1; age < kAges && ages_[age] < now_; ++age) {
    const Use& older = uses_[place_of(now_ - ages_[age])];
    if (older.last) reached_[older.kind][age] += 1;
  }
}

void LearnedPolicy::learn() {
  learn_at_ = now_ + learn_every_;
  if (now_ >= fade_at_) {
    fade_at_ = now_ + fade_every_;
    for (PerKind* counts : {&reached_, &returned_})
      for (auto& ages : *counts)
        for (double& count : ages) count /= 2;
  }
  for (uint32_t age = 0; age < kAges; ++age) learn_chances(age);
  for (uint32_t kind = 0; kind < kKinds; ++kind) learn_worth(kind);
}

// A kind that is rare is taken to be as those with as many uses, and these as all, until it has shown otherwise.
void LearnedPolicy::learn_chances(uint32_t age) {
  const auto chance = [&](uint32_t first, uint32_t kinds, double prior, double weight) {
    double reached = weight, returned = weight * prior;
    for (uint32_t kind = first; kind < first + kinds; ++kind) {
      reached += reached_[kind][age];
      returned += returned_[kind][age];
    }
    return std::min(1.0, returned / reached);
  };
  constexpr uint32_t kAlike = kDepths.size() * kFromEnd.size();
  const double of_all = chance(0, kKinds, kRarest, 1);
  for (uint32_t first = 0; first < kKinds; first += kAlike) {
    const double of_alike = chance(first, kAlike, of_all, kPrior);
    for (uint32_t kind = first; kind < first + kAlike; ++kind) chances_[kind][age] = chance(kind, 1, of_alike, kPrior);
  }
}

// The most uses for the time that it is kept, whichever age it is given up at.
void LearnedPolicy::learn_worth(uint32_t kind) {
  const auto& chance = chances_[kind];
  for (uint32_t from = 0; from < kAges; ++from) {
    double stays = 1, uses = 0, time = 0, best = 0;
    for (uint32_t age = from; age < kAges; ++age) {
      const auto width = static_cast<double>(std::max<uint64_t>(1, ages_[age + 1] - ages_[age]));
      uses += stays * chance[age];
      time += stays * (1 - chance[age] / 2) * width;
      stays *= 1 - chance[age];
      best = std::max(best, uses / time);
    }
    worth_[kind][from] = best;
  }
}

}  // namespace pumice
