#include "vk/cost_book.h"

#include <algorithm>

namespace pumice::vk {
namespace {

constexpr size_t kMostShapes = 256;  // of a pipeline, that are told apart

double units_of(const DispatchKind& kind) { return std::max({kind.cost.bytes, kind.cost.flops, 1.0}); }

}  // namespace

double CostBook::expected(const DispatchKind& kind) const {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(kind.pipeline);
  if (found == known_.end()) return 0;
  const double units = units_of(kind);
  const auto same = found->second.find({kind.groups, units});
  if (same != found->second.end()) return same->second.microseconds;
  double alike = 0, rate = 0;
  for (const auto& [shape, time] : found->second) {
    const auto& [groups, cost] = shape;
    rate = std::max(rate, time.microseconds / cost);
    if (groups == kind.groups) alike = std::max(alike, time.microseconds * std::max(units / cost, 1.0));
  }
  return alike > 0 ? alike : rate * units;
}

void CostBook::note(const DispatchKind& kind, double microseconds) {
  const std::lock_guard lock(mutex_);
  std::map<Shape, HighTime>& known = known_[kind.pipeline];
  const Shape shape{kind.groups, units_of(kind)};
  if (known.size() >= kMostShapes && !known.contains(shape)) known.clear();
  known[shape].measured(microseconds);
}

}  // namespace pumice::vk
