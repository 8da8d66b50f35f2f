// The part of KvCache that makes pages a list's own: before they are written, in forks, and where pages before them go.
#include <algorithm>

#include "base/clock.h"
#include "base/integers.h"
#include "base/or_undo.h"
#include "kv/kv_cache.h"
#include "shared/step_params.h"

namespace pumice {

Result<bool> KvCache::make_own(PageList& list) {
  const size_t at = list.nodes.size() - 1;
  const auto withdraw = [&] {
    const std::optional<PageId> page = index_->withdraw(list.nodes.back(), now_seconds());
    if (!page) return false;
    if (states_) states_->forget(*page);
    list.nodes.pop_back();
    return true;
  };
  if (!reuse_ && withdraw()) return true;
  const std::optional<PageId> page = take_page(list.tenant);
  if (!page) return withdraw();
  const auto copy = [&]() -> Result<bool> { return copy_page(list.pages[at], *page, list.tenant); };
  PUMICE_ASSIGN(const bool copied, or_undo(copy, [&] { release_page(*page); }));
  if (!copied) {
    release_page(*page);
    return withdraw();
  }
  hand_window(list, static_cast<uint32_t>(at), *page, false);
  release_last(list);
  list.pages[at] = *page;
  return true;
}

Result<bool> KvCache::settle(PageList& list, std::span<const int32_t> tokens, uint32_t computed) {
  if (shared_tokens(list) > computed) shrink(list, computed);
  if (shared_tokens(list) <= computed) return true;
  const auto at = static_cast<uint32_t>(list.nodes.size()) - 1;
  if (reuse_ && list.sealing && tokens.size() >= shared_tokens(list)) {
    const std::vector<Block> blocks = chain(list, tokens, at);
    reserve_places(list, at + blocks.size());
    std::vector<NodeId> nodes = index_->match_more(at ? list.nodes[at - 1] : kNoNode, blocks, now_seconds());
    keep_resumable(list, at, nodes);
    if (!nodes.empty()) {
      cut_window(list, at);
      release_last(list);
      list.pages.pop_back();
      for (const NodeId node : nodes) share(list, node);
      return true;
    }
  }
  return make_own(list);
}

Result<PageList> KvCache::fork(PageList& list, std::span<const int32_t> tokens, uint32_t count) {
  seal(list, tokens, count);
  PageList copy{.tenant = list.tenant, .root = list.root, .sealing = list.sealing};
  PUMICE_TRY(or_undo([&] { return fork_into(copy, list, count); }, [&] { shrink(copy, 0); }));
  return copy;
}

Result<void> KvCache::fork_into(PageList& copy, const PageList& list, uint32_t count) {
  const uint32_t shared = std::min(static_cast<uint32_t>(list.nodes.size()), count / kPageTokens);
  reserve_places(copy, divide_up(count, kPageTokens));
  copy.keys.assign(list.keys.begin(), list.keys.begin() + std::min<ptrdiff_t>(shared, std::ssize(list.keys)));
  for (uint32_t i = 0; i < shared; ++i) {
    index_->acquire(list.nodes[i]);
    copy.nodes.push_back(list.nodes[i]);
    copy.pages.push_back(list.pages[i]);
  }
  if (!reserve(copy, count))
    return error(Status::kContextFull,
                 "no free page for a copy of %u tokens; destroy a sequence or make the cache larger", count);
  for (size_t i = shared; i < copy.pages.size(); ++i) PUMICE_TRY(copy_page(list.pages[i], copy.pages[i], copy.tenant));
  return {};
}

// false: no place is free for its part in layers with a window.
Result<bool> KvCache::copy_page(PageId from, PageId to, TenantId tenant) {
  PUMICE_TRY(memory_.copy(from, to));
  pool_.overwritten(to);
  ++stats_.copied_pages;
  if (!windows_ || !windows_->has(from)) return true;
  windows_->pin(from);  // its place is not the one that is taken
  const bool given = windows_->give(to, tenant);
  windows_->unpin(from);
  if (!given) return false;
  PUMICE_TRY(windows_->memory().copy(windows_->of(from), windows_->of(to)));
  windows_->places().overwritten(windows_->of(to));
  return true;
}

// This is where shared pages are copied before their keys are moved.
Result<bool> KvCache::drop(PageList& list, uint32_t first, uint32_t count) {
  PUMICE_CHECK(first + count <= list.pages.size());
  const auto shared = static_cast<uint32_t>(list.nodes.size());
  // Parts of what stays do; slide.cpp sees to it that the window covers nothing before.
  if (windows_) pin_window(list, {std::max(list.window.from, first + count), std::max(list.window.to, first + count)});
  // From the last one on, as a page goes out of the index only when none behind it is there.
  while (list.nodes.size() > first) {
    if (list.nodes.size() > first + count) {
      PUMICE_ASSIGN(const bool own, make_own(list));
      if (!own) return false;
    } else {
      release_last(list);
    }
  }
  list.sealing = false;
  for (uint32_t page = first; page < first + count; ++page)
    if (page >= shared) release_page(list.pages[page]);
  const auto from = list.pages.begin() + first;
  list.pages.erase(from, from + count);
  if (windows_) {
    list.window = {list.window.from - count, list.window.to - count};
    for (uint32_t page = first; page < list.window.from; ++page) windows_->forget(list.pages[page]);
  }
  list.keys.resize(std::min<size_t>(list.keys.size(), first));
  evict_unheld();
  return true;
}

}  // namespace pumice
