#include "kv/pages/page_allocator.h"

#include <algorithm>

namespace pumice {
namespace {

constexpr TenantId kNoTenant = UINT32_MAX, kAnyTenant = UINT32_MAX - 1;

}  // namespace

PageAllocator::PageAllocator(uint32_t pages) : taken_(pages, false), owner_(pages, kNoTenant) {
  free_.reserve(pages);
  unscrubbed_.reserve(pages);
  for (PageId page = pages; page-- > 0;) free_.push_back(page);
}

std::optional<PageId> PageAllocator::allocate(TenantId tenant) {
  if (free_.empty() || closed_) return std::nullopt;
  const PageId page = free_.back();
  free_.pop_back();
  taken_[page] = true;
  const bool foreign = owner_[page] != kNoTenant && owner_[page] != tenant;
  const bool listed = std::find(unscrubbed_.begin(), unscrubbed_.end(), page) != unscrubbed_.end();
  if (foreign && !listed) unscrubbed_.push_back(page);
  owner_[page] = tenant;
  return page;
}

void PageAllocator::distrust() { std::ranges::fill(owner_, kAnyTenant); }

void PageAllocator::release(PageId page) {
  PUMICE_CHECK(page < pages() && taken_[page]);
  taken_[page] = false;
  free_.push_back(page);
}

}  // namespace pumice
