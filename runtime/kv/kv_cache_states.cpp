// The part of KvCache for models that keep recurrent states.
#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/or_undo.h"
#include "kv/kv_cache.h"
#include "shared/step_params.h"

namespace pumice {
namespace {

// A long prompt leaves a snapshot after so many tokens each, for texts that begin alike.
constexpr uint32_t kSnapshotTokens = 1024;

// Of the list's leading pages as many as end with one that has a snapshot.
uint32_t pages_to_snapshot(const StateStore& states, const PageList& list, uint32_t pages) {
  while (pages > 0 && !states.has(list.pages[pages - 1])) --pages;
  return pages;
}

}  // namespace

void KvCache::leave_out(std::vector<NodeId>& nodes, size_t from) {
  for (; nodes.size() > from; nodes.pop_back()) index_->release(nodes.back(), now_seconds());
}

void KvCache::keep_resumable(PageList& list, uint32_t pages, std::vector<NodeId>& nodes) {
  const auto found = static_cast<uint32_t>(nodes.size());
  if (states_) {
    size_t kept = nodes.size();
    while (kept > 0 && !states_->has(index_->page(nodes[kept - 1]))) --kept;
    leave_out(nodes, kept);
    if (kept < found) list.branch = (pages + found) * kPageTokens;
  }
  if (!windows_) return;
  const auto page_at = [&](uint32_t page) {
    return page < pages ? list.pages[page] : index_->page(nodes[page - pages]);
  };
  const uint32_t whole = windows_->resumable(page_at, (pages + found) * kPageTokens) / kPageTokens;
  leave_out(nodes, whole - std::min(whole, pages));
}

void KvCache::add_mark(PageList& list, uint32_t tokens, bool rolling, std::vector<StateMark>& marks) {
  if (tokens == 0 || !list.sealing) return;
  const auto same = [&](const PageList::PendingState& pending) { return pending.tokens == tokens; };
  if (std::ranges::any_of(list.pending, same)) return;
  list.pending.reserve(list.pending.size() + 1);
  marks.reserve(marks.size() + 1);
  const std::optional<StateId> place = states_->take();
  if (!place) return;
  list.pending.push_back({.tokens = tokens, .place = *place, .rolling = rolling});
  marks.push_back({.tokens = tokens, .place = *place});
}

std::vector<StateMark> KvCache::plan_snapshots(PageList& list, uint32_t first, uint32_t count, uint32_t total) {
  std::vector<StateMark> marks;
  if (!states_ || total == 0) return marks;
  const uint32_t end = first + count;
  const auto within = [&](uint32_t tokens) { return tokens > first && tokens <= end; };
  // The last token of a text is always computed.
  const uint32_t last = (total - 1) / kPageTokens * kPageTokens;
  if (within(list.branch) && list.branch != last) add_mark(list, list.branch, false, marks);
  const uint32_t other = end / kSnapshotTokens * kSnapshotTokens;
  if (within(last))
    add_mark(list, last, false, marks);
  else if (within(other))
    add_mark(list, other, false, marks);
  return marks;
}

Result<void> KvCache::snapshot(PageList& list, uint32_t slot, uint32_t tokens) {
  if (!states_ || tokens % kPageTokens != 0) return {};
  std::vector<StateMark> marks;
  add_mark(list, tokens, true, marks);
  if (marks.empty()) return {};
  return or_undo([&] { return states_->memory().copy(slot, marks.front().place); },
                 [&] { drop_pending(list, tokens - 1); });
}

void KvCache::keep_state(PageList& list, uint32_t page) {
  if (!states_) return;
  std::erase_if(list.pending, [&](const PageList::PendingState& pending) {
    if (pending.tokens != (page + 1) * kPageTokens) return false;
    const uint64_t attachment = states_->attach(list.pages[page], pending.place);
    if (!pending.rolling) return true;
    // Of what a sequence has generated, the newest is enough.
    states_->detach(std::exchange(list.rolling, attachment));
    return true;
  });
}

void KvCache::drop_pending(PageList& list, uint32_t tokens) {
  std::erase_if(list.pending, [&](const PageList::PendingState& pending) {
    if (pending.tokens <= tokens && list.sealing) return false;
    states_->release(pending.place);
    return true;
  });
}

Result<uint32_t> KvCache::resume(PageList& list, uint32_t slot, uint32_t computed, uint32_t state_at) {
  PUMICE_CHECK(states_ != nullptr);
  const auto shared = static_cast<uint32_t>(list.nodes.size());
  if (shared * kPageTokens <= computed && state_at == computed) return computed;
  const uint32_t pages = pages_to_snapshot(*states_, list, shared);
  // First what may fail: the list has all it had then.
  if (pages > 0) PUMICE_TRY(states_->memory().copy(states_->of(list.pages[pages - 1]), slot));
  if (pages < list.pages.size()) shrink(list, pages * kPageTokens);
  return pages * kPageTokens;
}

Result<std::vector<std::byte>> KvCache::read_snapshot(const PageList& list, uint32_t& computed) {
  const uint32_t shared = std::min(static_cast<uint32_t>(list.nodes.size()), computed / kPageTokens);
  const uint32_t pages = pages_to_snapshot(*states_, list, shared);
  computed = pages * kPageTokens;
  if (pages == 0) return std::vector<std::byte>();
  return read_state(states_->of(list.pages[pages - 1]));
}

Result<void> KvCache::copy_state(StateId from, StateId to) { return states_->memory().copy(from, to); }

Result<std::vector<std::byte>> KvCache::read_state(StateId place) { return read_now(states_->memory(), place); }

Result<bool> KvCache::write_fetched_state(PageList& list, uint32_t at, std::span<const std::byte> bytes) {
  std::vector<StateMark> marks;
  add_mark(list, (at + 1) * kPageTokens, false, marks);
  if (marks.empty()) return true;
  const auto undo = [&] { drop_pending(list, at * kPageTokens); };
  PUMICE_ASSIGN(const bool written, or_undo([&] { return states_->memory().write(marks.front().place, bytes); }, undo));
  if (!written) undo();
  return written;
}

}  // namespace pumice
