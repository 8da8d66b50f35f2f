// CrossStore: which sources' keys and values lie in which pages of device memory, found again by content.
//
// The encoder sees a source both ways, so an entry is all of a source or nothing. Entries in use stay; the others are
// given up, the least recently used first, when pages are wanted. Thread rule: one thread at a time.
#pragma once

#include <list>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "kv/index/page_key.h"
#include "kv/pages/page_allocator.h"

namespace pumice {

struct CrossStats {
  uint64_t lookups = 0, hits = 0, evictions = 0;
};

class CrossStore {
 public:
  struct Entry {
    PageKey key;
    std::vector<PageId> pages;
    uint32_t users = 0;
  };

  // Both outlive the store.
  CrossStore(PageAllocator& pages, const Secret& secret, const PageKey& root)
      : pages_(&pages), secret_(&secret), root_(root) {}

  PageKey key_of(std::span<const int32_t> ids) const { return child_key(*secret_, root_, ids); }
  // The source's entry, with one user more; null: not there.
  Entry* find(const PageKey& key);
  // A new one of so many pages, whose content is the caller's to write; null: too many are in use.
  Entry* add(const PageKey& key, uint32_t pages);
  void release(Entry& entry);
  void drop(Entry& entry);  // as if it had never been added; nobody else uses it
  const CrossStats& stats() const { return stats_; }

 private:
  using Entries = std::list<Entry>;  // the most recently used first
  void remove(Entries::iterator entry);
  bool give_up_one();

  PageAllocator* pages_;
  const Secret* secret_;
  PageKey root_;
  Entries entries_;
  std::unordered_map<PageKey, Entries::iterator, PageKeyHash> index_;
  CrossStats stats_;
};

}  // namespace pumice
