// FrequencyMemory: how often blocks were asked for of late, also of those that left the cache or never came.
//
// Counts are halved after every so many, so old popularity fades and the number of blocks remembered stays below twice
// that. Thread rule: one thread at a time.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kv/id_map.h"

namespace pumice {

class FrequencyMemory {
 public:
  // capacity: of the cache, in blocks.
  explicit FrequencyMemory(uint32_t capacity) {
    set_capacity(capacity);
    counts_.reserve(capacity);
  }
  void set_capacity(uint32_t capacity) { period_ = std::max<uint64_t>(uint64_t{kPeriod} * capacity, kShortestPeriod); }

  void count(uint64_t id) {
    ++counts_[id];
    ++counted_;
  }
  uint32_t of(uint64_t id) const {
    const uint32_t* count = counts_.find(id);
    return count ? *count : 0;
  }
  // true: the counts were halved now, because it was time.
  bool age() {
    if (counted_ < period_) return false;
    counted_ = 0;
    counts_.filter([](uint64_t, uint32_t& count) { return (count /= 2) > 0; });
    return true;
  }
  size_t size() const { return counts_.size(); }

 private:
  static constexpr uint32_t kPeriod =
      10;  // in capacities: long enough to see a block again that comes each tenth turnover
  static constexpr uint64_t kShortestPeriod = 1024;

  IdMap<uint32_t> counts_;
  uint64_t counted_ = 0, period_ = 0;
};

}  // namespace pumice
