// PageAllocator: who owns which page.
//
// A page that comes to another tenant than the one before has to be scrubbed first: the allocator says which.
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kv/index/prefix_index.h"

namespace pumice {

class PageAllocator {
 public:
  explicit PageAllocator(uint32_t pages);

  std::optional<PageId> allocate(TenantId tenant = 0);  // nullopt: none is free, or it is closed
  void release(PageId page);

  // Pages handed out since that still hold another tenant's keys and values; no step may run on them before they are
  // overwritten.
  std::span<const PageId> unscrubbed() const { return unscrubbed_; }
  void scrubbed() { unscrubbed_.clear(); }
  void overwritten(PageId page) { std::erase(unscrubbed_, page); }

  void close(bool closed) { closed_ = closed; }
  void distrust();  // the pages may hold anybody's keys and values

  uint32_t pages() const { return static_cast<uint32_t>(taken_.size()); }
  uint32_t used() const { return pages() - static_cast<uint32_t>(free_.size()); }

 private:
  std::vector<PageId> free_;  // the last is handed out next
  std::vector<bool> taken_;
  std::vector<TenantId> owner_;  // the last one
  std::vector<PageId> unscrubbed_;
  bool closed_ = false;
};

}  // namespace pumice
