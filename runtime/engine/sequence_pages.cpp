#include "engine/sequence_pages.h"

#include <algorithm>
#include <new>

namespace pumice {
namespace {

bool may_give_up(const Sequence& sequence) {
  return !sequence.computing && sequence.recomputable && !sequence.kv.pages.empty();
}

}  // namespace

Error no_room(uint32_t tokens) {
  return error(Status::kContextFull, "no free page for %u tokens; destroy a sequence or make the context larger",
               tokens);
}

bool SequencePages::reserve(Sequence& sequence, uint32_t tokens) {
  const size_t held = sequence.kv.pages.size();
  while (!cache_.reserve(sequence.kv, tokens)) {
    size_t others = free_pages();
    for (const std::unique_ptr<Sequence>& other : slots_)
      if (other && other.get() != &sequence && may_give_up(*other)) others += other->kv.pages.size();
    if (held + others < divide_up(tokens, kPageTokens) || !give_up_idle(sequence)) return false;
  }
  write_pages(sequence, held);
  return true;
}

Result<void> SequencePages::reserve_all(Sequence& sequence, uint32_t tokens) {
  if (reserve(sequence, tokens)) return {};
  return no_room(tokens);
}

bool SequencePages::give_up_idle(const Sequence& keeper) {
  Sequence* oldest = nullptr;
  for (const std::unique_ptr<Sequence>& other : slots_)
    if (other && other.get() != &keeper && may_give_up(*other) && (!oldest || other->last_use < oldest->last_use))
      oldest = other.get();
  if (!oldest) return false;
  cut(*oldest, 0);
  return true;
}

void SequencePages::cut(Sequence& sequence, uint32_t tokens) {
  sequence.limit_computed(tokens);
  release(sequence, sequence.computed);
}

Result<bool> SequencePages::enter(Sequence& sequence, bool reuse, bool first) {
  sequence.last_use = ++uses_;
  if (!caches_) return true;
  PUMICE_ASSIGN(const bool back, unpark(sequence));
  if (!back) return false;
  const std::span<const int32_t> tokens = reuse ? reusable(sequence) : std::span<const int32_t>();
  for (;;) {
    PUMICE_ASSIGN(const bool own, cache_.settle(sequence.kv, tokens, sequence.computed));
    if (own) break;
    if (!give_up_idle(sequence)) return false;
  }
  const uint32_t shared = reuse ? cache_.match(sequence.kv, tokens, first) : 0;
  PUMICE_TRY(resume(sequence, std::max(sequence.computed, shared)));
  sequence.verified = std::max(sequence.verified, std::min(sequence.computed, cache_.shared_tokens(sequence.kv)));
  write_table(sequence);
  return true;
}

Result<bool> SequencePages::unpark(Sequence& sequence) {
  if (!sequence.parked) return true;
  const ParkedPages& parked = *sequence.parked;
  if (!reserve(sequence, parked.computed)) return false;
  for (size_t i = 0; i < parked.pages.size(); ++i) PUMICE_TRY(cache_.write_page(sequence.kv.pages[i], parked.pages[i]));
  PUMICE_TRY(cache_.write_beside(sequence.kv, sequence.slot, parked.computed, parked.beside));
  sequence.computed = sequence.verified = sequence.state_at = parked.computed;
  return true;
}

Result<void> SequencePages::unpark_now(Sequence& sequence) {
  if (!sequence.parked) return {};
  PUMICE_ASSIGN(const bool back, unpark(sequence));
  if (!back) return no_room(sequence.parked->computed);
  sequence.parked.reset();
  write_table(sequence);
  return {};
}

Result<void> SequencePages::resume(Sequence& sequence, uint32_t tokens) {
  if (cache_.keeps_states()) {
    PUMICE_ASSIGN(tokens, cache_.resume(sequence.kv, sequence.slot, sequence.computed, sequence.state_at));
    sequence.state_at = tokens;
  } else {
    tokens = cache_.hold_window(sequence.kv, tokens);
    // Not inside a picture that is computed as a whole.
    for (uint32_t edge = sequence.edge(tokens); edge != tokens; edge = sequence.edge(tokens)) {
      const uint32_t page = edge / kPageTokens * kPageTokens;
      cache_.shrink(sequence.kv, page);
      tokens = cache_.hold_window(sequence.kv, page);
    }
  }
  sequence.verified = std::min(sequence.verified, tokens);
  sequence.computed = tokens;
  return {};
}

Result<bool> SequencePages::take_fetched(Sequence& sequence, uint32_t tokens) {
  const uint32_t shared = cache_.shared_tokens(sequence.kv);
  if (cache_.keeps_states() && shared <= sequence.computed) return true;
  PUMICE_TRY(resume(sequence, std::max(sequence.computed, shared)));
  sequence.verified = std::max(sequence.verified, sequence.computed);
  const bool reserved = reserve(sequence, tokens);
  write_table(sequence);
  return reserved;
}

Result<void> SequencePages::fetch_now(Sequence& sequence) {
  constexpr double kLookSeconds = 0.002;
  PrefixFetch fetch;
  cache_.begin_fetch(sequence.kv, reusable(sequence), fetch);
  while (cache_.advance_fetch(sequence.kv, reusable(sequence), fetch)) (void)fetch.reading->wait(kLookSeconds);
  const auto total = static_cast<uint32_t>(sequence.tokens.size());
  PUMICE_ASSIGN(const bool taken, take_fetched(sequence, total));
  if (!taken) return no_room(total);
  return {};
}

void SequencePages::seal(Sequence& sequence) {
  try {
    cache_.seal(sequence.kv, sequence.tokens, sequence.verified);
  } catch (const std::bad_alloc&) {
  }
  write_table(sequence);
}

void SequencePages::wait_for_steps(const Sequence& sequence) noexcept { recorder_.settle_row(sequence.slot); }

Result<void> SequencePages::prepare(Sequence& sequence, uint32_t first, uint32_t count) {
  PUMICE_ASSIGN(const bool moved, cache_.move_window(sequence.kv, first, count));
  if (moved) write_window(sequence);
  return cache_.scrub();
}

void SequencePages::write_table(const Sequence& sequence) {
  write_pages(sequence, 0);
  write_window(sequence);
}

void SequencePages::write_pages(const Sequence& sequence, size_t from) {
  const std::vector<PageId>& pages = sequence.kv.pages;
  std::copy(pages.begin() + static_cast<ptrdiff_t>(from), pages.end(), recorder_.page_table(sequence.slot) + from);
}

void SequencePages::write_window(const Sequence& sequence) {
  const PageRange& window = sequence.kv.window;
  for (uint32_t page = window.from; page < window.to; ++page)
    recorder_.window_table(sequence.slot)[page] = cache_.window_place(sequence.kv.pages[page]);
}

}  // namespace pumice
