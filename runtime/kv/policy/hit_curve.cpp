#include "kv/policy/hit_curve.h"

#include <algorithm>

namespace pumice {

HitCurve::HitCurve(uint32_t capacity) {
  for (size_t i = 0; i < kSizes.size(); ++i)
    capacities_[i] = std::max(1u, static_cast<uint32_t>(kSizes[i] * std::max(capacity, 1u)));
  limit_ = capacities_.back();
  slots_.resize(size_t{2} * limit_);
  counts_.resize(slots_.size() + 1);
  slot_of_.reserve(slots_.size());
}

void HitCurve::request(std::span<const uint64_t> chain) {
  asked_ += chain.size();
  uint32_t needed = 0;  // blocks of capacity: those before it must be there, too
  for (const uint64_t id : chain) {
    needed = std::max(needed, distance(id));
    if (needed > limit_) break;
    for (size_t i = 0; i < kSizes.size(); ++i) hits_[i] += needed <= capacities_[i] ? 1u : 0u;
  }
  // No size holds more of one text; the first block is the last to go, so it counts as the most recently used.
  const auto kept = chain.first(std::min<size_t>(chain.size(), limit_));
  make_room(kept.size());
  for (size_t i = kept.size(); i-- > 0;) use(kept[i]);
}

void HitCurve::extend(uint64_t id) {
  make_room(1);
  use(id);
}

std::array<HitCurve::Point, HitCurve::kSizes.size()> HitCurve::points() const {
  std::array<Point, kSizes.size()> points;
  for (size_t i = 0; i < kSizes.size(); ++i)
    points[i] = {.blocks = capacities_[i],
                 .hit_rate = asked_ > 0 ? static_cast<double>(hits_[i]) / static_cast<double>(asked_) : 0};
  return points;
}

uint32_t HitCurve::distance(uint64_t id) const {
  const uint32_t* slot = slot_of_.find(id);
  if (!slot) return limit_ + 1;
  uint32_t earlier = 0;
  for (uint32_t i = *slot; i > 0; i &= i - 1) earlier += counts_[i];
  return static_cast<uint32_t>(slot_of_.size()) - earlier;
}

void HitCurve::use(uint64_t id) {
  if (const uint32_t* old = slot_of_.find(id)) {
    slots_[*old] = 0;
    add(*old, UINT32_MAX);
  }
  slot_of_[id] = next_;
  slots_[next_] = id;
  add(next_, 1);
  ++next_;
}

// Moves the most recently used together at the low end of the slots; forgets those that no size holds.
void HitCurve::make_room(size_t blocks) {
  if (next_ + blocks <= slots_.size()) return;
  size_t surplus = slot_of_.size() > limit_ ? slot_of_.size() - limit_ : 0;
  std::fill(counts_.begin(), counts_.end(), 0);
  const uint32_t end = next_;
  next_ = 0;
  for (uint32_t slot = 0; slot < end; ++slot) {
    const uint64_t id = std::exchange(slots_[slot], 0);
    if (id == 0) continue;
    if (surplus > 0) {
      --surplus;
      slot_of_.erase(id);
      continue;
    }
    slot_of_[id] = next_;
    slots_[next_] = id;
    add(next_++, 1);
  }
}

void HitCurve::add(uint32_t slot, uint32_t change) {
  for (size_t i = slot + size_t{1}; i < counts_.size(); i += i & (~i + 1)) counts_[i] += change;
}

}  // namespace pumice
