#include "kv/window_store.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace pumice {

uint32_t WindowStore::first_page(uint32_t position) const {
  return (position - std::min(position, options_.tokens - 1)) / kPageTokens;
}

bool WindowStore::make_room() {
  Part* oldest = nullptr;
  for (Part& part : parts_)
    if (part.page != kNone && part.pins == 0 && (!oldest || part.used < oldest->used)) oldest = &part;
  if (oldest) forget(oldest->page);
  return oldest != nullptr;
}

bool WindowStore::give(PageId page, TenantId tenant) {
  if (places().used() == places().pages() && !make_room()) return false;
  const std::optional<WindowId> place = places().allocate(tenant);
  if (!place) return false;
  parts_[*place] = {.page = page, .used = ++clock_};
  of_page_[page] = *place;
  return true;
}

void WindowStore::move(PageId from, PageId to) {
  parts_[of_page_[from]].page = to;
  of_page_[to] = std::exchange(of_page_[from], kNone);
}

void WindowStore::forget(PageId page) {
  if (!has(page)) return;
  places().release(of_page_[page]);
  parts_[of_page_[page]] = {};
  of_page_[page] = kNone;
}

void WindowStore::pin(PageId page) { ++parts_[of_page_[page]].pins; }

void WindowStore::unpin(PageId page) {
  Part& part = parts_[of_page_[page]];
  --part.pins;
  part.used = ++clock_;
}

void WindowStore::drop(PageId page) {
  unpin(page);
  if (parts_[of_page_[page]].pins == 0) forget(page);
}

}  // namespace pumice
