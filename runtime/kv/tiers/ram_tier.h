// RamTier: pages in the process's own memory, the least recently used given up first.
//
// Pages are moved in and shared out, never copied, and lie there as the engine made them or as the codec has verified
// them: a read compares parent and tokens. Thread rule: any thread.
#pragma once

#include <list>
#include <mutex>
#include <unordered_map>

#include "kv/tiers/stored_page.h"
#include "kv/tiers/tier.h"

namespace pumice {

using SharedPage = std::shared_ptr<const LoadedPage>;

class RamTier {
 public:
  explicit RamTier(uint64_t limit_bytes) { stats_.limit_bytes = limit_bytes; }

  bool may_contain(const PageKey& key) const;
  SharedPage read(const WantedPage& wanted);  // null: not there
  SharedPage find(const PageKey& key) const;  // without counting as a read or a use
  void write(SharedPage page);                // one larger than the limit is not kept
  void clear();
  TierStats stats() const;

 private:
  using Order = std::list<SharedPage>;  // the most recently used first

  mutable std::mutex mutex_;
  Order order_;
  std::unordered_map<PageKey, Order::iterator, PageKeyHash> index_;
  TierStats stats_;
};

}  // namespace pumice
