// The part of KvCache for layers with a window whose pages are kept apart, and what a session has beside its pages.
#include <algorithm>

#include "base/integers.h"
#include "base/or_undo.h"
#include "kv/kv_cache.h"
#include "shared/step_params.h"

namespace pumice {
namespace {

// There are places enough for all sequences (context_options.cpp).
Error no_place(uint32_t page) { return error(Status::kInternal, "there is no place for page %u of a window", page); }

bool within(const PageRange& range, uint32_t page) { return page >= range.from && page < range.to; }

}  // namespace

void KvCache::pin_window(PageList& list, PageRange range) {
  for (uint32_t page = range.from; page < range.to; ++page) windows_->pin(list.pages[page]);
  for (uint32_t page = list.window.from; page < list.window.to; ++page) windows_->unpin(list.pages[page]);
  list.window = range;
}

void KvCache::cut_window(PageList& list, uint32_t pages) {
  if (windows_) pin_window(list, {std::min(list.window.from, pages), std::min(list.window.to, pages)});
}

uint32_t KvCache::hold_window(PageList& list, uint32_t tokens) {
  if (!windows_) return tokens;
  const uint32_t whole = windows_->resumable([&](uint32_t page) { return list.pages[page]; }, tokens);
  if (whole < tokens) shrink(list, whole);
  pin_window(list, {windows_->first_page(whole), divide_up(whole, kPageTokens)});
  return whole;
}

Result<bool> KvCache::move_window(PageList& list, uint32_t first, uint32_t count) {
  if (!windows_) return false;
  const PageRange range{windows_->first_page(first), divide_up(first + count, kPageTokens)};
  if (range.from == list.window.from && range.to == list.window.to) return false;
  // What is given back before may be taken; what was covered is used last of all, so it is not what goes.
  pin_window(list, {range.from, range.from});
  for (; list.window.to < range.to; ++list.window.to) {
    const uint32_t page = list.window.to;
    const bool there = windows_->has(list.pages[page]);
    if (!there && (page * kPageTokens < first || !windows_->give(list.pages[page], list.tenant))) return no_place(page);
    windows_->pin(list.pages[page]);
  }
  return true;
}

void KvCache::hand_window(PageList& list, uint32_t at, PageId page, bool whole) {
  if (!windows_) return;
  if (whole && windows_->has(list.pages[at]) && !windows_->has(page)) {
    windows_->move(list.pages[at], page);
  } else if (within(list.window, at) && windows_->has(page)) {
    windows_->pin(page);
    windows_->unpin(list.pages[at]);
  } else if (within(list.window, at)) {
    cut_window(list, at);
  }
}

// What the window has passed is in the tiers.
void KvCache::hold_fetched(PageList& list) {
  const auto shared = static_cast<uint32_t>(list.nodes.size());
  if (list.window.to > shared) return;
  const uint32_t lowest = windows_->first_page(shared * kPageTokens);
  PageRange range{shared, shared};
  while (range.from > lowest && windows_->has(list.pages[range.from - 1])) --range.from;
  while (list.window.from < std::min(range.from, list.window.to)) windows_->drop(list.pages[list.window.from++]);
  pin_window(list, range);
}

Result<bool> KvCache::write_fetched_part(PageList& list, uint32_t at, std::span<const std::byte> bytes) {
  const PageId page = list.pages[at];
  if (bytes.size() != windows_->bytes()) {  // what it has is of the tokens that were computed, not of the whole page
    if (within(list.window, at)) cut_window(list, at);
    windows_->forget(page);
    return true;
  }
  const bool had = windows_->has(page);
  if (!had && !windows_->give(page, list.tenant)) return true;
  const auto undo = [&] {
    if (!had) windows_->forget(page);
  };
  PUMICE_ASSIGN(const bool written, or_undo([&] { return windows_->memory().write(windows_->of(page), bytes); }, undo));
  if (!written)
    undo();
  else
    windows_->places().overwritten(windows_->of(page));
  return written;
}

Result<std::vector<std::byte>> KvCache::read_window(const PageList& list, uint32_t& computed) {
  computed = windows_->resumable([&](uint32_t page) { return list.pages[page]; }, computed);
  std::vector<std::byte> parts;
  for (uint32_t page = windows_->first_page(computed); page < divide_up(computed, kPageTokens); ++page) {
    PUMICE_ASSIGN(const std::vector<std::byte> part, read_now(windows_->memory(), windows_->of(list.pages[page])));
    parts.insert(parts.end(), part.begin(), part.end());
  }
  return parts;
}

Result<void> KvCache::write_window(PageList& list, uint32_t computed, std::span<const std::byte> bytes) {
  PUMICE_CHECK(bytes.size() == bytes_beside(computed));
  const PageRange range{windows_->first_page(computed), divide_up(computed, kPageTokens)};
  pin_window(list, {range.from, range.from});
  for (uint32_t page = range.from; page < range.to; ++page) {
    if (!windows_->give(list.pages[page], list.tenant)) return no_place(page);
    const WindowId place = windows_->of(list.pages[page]);
    PUMICE_TRY(write_now(windows_->memory(), place, bytes.first(windows_->bytes())));
    windows_->places().overwritten(place);
    windows_->pin(list.pages[page]);
    list.window.to = page + 1;
    bytes = bytes.subspan(windows_->bytes());
  }
  return {};
}

uint64_t KvCache::bytes_beside(uint32_t computed) const {
  if (states_) return states_->bytes();
  if (!windows_) return 0;
  return windows_->bytes() * (divide_up(computed, kPageTokens) - windows_->first_page(computed));
}

Result<std::vector<std::byte>> KvCache::read_beside(const PageList& list, uint32_t slot, uint32_t state_at,
                                                    uint32_t& computed) {
  if (computed == 0) return std::vector<std::byte>();
  if (windows_) return read_window(list, computed);
  if (!states_) return std::vector<std::byte>();
  return state_at == computed ? read_state(slot) : read_snapshot(list, computed);
}

Result<void> KvCache::write_beside(PageList& list, uint32_t slot, uint32_t computed, std::span<const std::byte> bytes) {
  if (bytes.empty()) return {};
  return windows_ ? write_window(list, computed, bytes) : write_now(states_->memory(), slot, bytes);
}

}  // namespace pumice
