// UseCounts: how often pages have been used, for admission to slower tiers; the oldest are forgotten. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>

#include "kv/index/page_key.h"

namespace pumice {

class UseCounts {
 public:
  struct Entry {
    uint32_t uses = 0;
    bool admitted = false;
  };

  // Valid until the next call.
  Entry& at(const PageKey& key) {
    if (const auto found = young_.find(key); found != young_.end()) return found->second;
    if (young_.size() >= kGeneration) {
      old_ = std::move(young_);
      young_.clear();
    }
    Entry entry;
    if (const auto found = old_.find(key); found != old_.end()) entry = found->second;
    return young_.emplace(key, entry).first->second;
  }
  void clear() {
    young_.clear();
    old_.clear();
  }

 private:
  // Two generations of 65,536 pages of 32 tokens each: texts of some four million tokens, in some ten megabytes.
  static constexpr size_t kGeneration = 1u << 16;
  std::unordered_map<PageKey, Entry, PageKeyHash> young_, old_;
};

}  // namespace pumice
