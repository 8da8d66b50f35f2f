#include "engine/slide.h"

#include <algorithm>

namespace pumice {
namespace {

constexpr uint32_t kShare = 8;  // at least this part of what may go

}  // namespace

uint32_t pages_to_drop(uint32_t full, uint32_t sinks, uint32_t tokens) {
  const uint32_t droppable = full - std::min(full, sinks);
  const uint32_t needed = std::max(1u, divide_up(tokens, kPageTokens));
  return needed > droppable ? 0 : std::max(needed, droppable / kShare);
}

// `computed`: leading tokens whose keys and values are in the pages; nothing of the sequence is in flight. Returns how
// many tokens were dropped; 0: none can be.
Result<uint32_t> Sliding::slide(Sequence& sequence, uint32_t computed, uint32_t tokens) {
  if (!sequence.pictures.empty()) return 0u;
  const uint32_t sinks = divide_up(options_.sink_tokens, kPageTokens);
  const uint32_t count = pages_to_drop(computed / kPageTokens, sinks, tokens);
  // Of layers with a window, what it covers must be behind what is dropped: parts before that are gone.
  if (count == 0 || !cache_.window_is_behind(computed - count * kPageTokens, sinks)) return 0u;
  PUMICE_TRY(recorder_.wait_for_row(sequence.slot));  // of another slide, just before
  const Result<bool> own = cache_.drop(sequence.kv, sinks, count);
  pages_.write_table(sequence);  // some pages may have become its own before one could not
  if (!own) return own.error();
  if (!*own) return 0u;
  const uint32_t dropped = count * kPageTokens;
  const auto first = sequence.tokens.begin() + sinks * kPageTokens;
  sequence.tokens.erase(first, first + dropped);
  sequence.dropped += dropped;
  sequence.recomputable = false;
  const uint32_t verified = sequence.verified;
  sequence.limit_computed(sinks * kPageTokens);  // until the keys behind them have moved
  sampling_.moved(sequence);
  const auto last = static_cast<uint32_t>(sequence.tokens.size()) - 1;
  PUMICE_TRY(recorder_.submit_shift({.first_page = sinks,
                                     .pages = static_cast<uint32_t>(sequence.kv.pages.size()) - sinks,
                                     .first_window_page = sequence.kv.window.from,
                                     .shift = dropped,
                                     .next = {.token = static_cast<uint32_t>(sequence.tokens[last]),
                                              .position = last,
                                              .slot = sequence.slot,
                                              .live = 1}}));
  ++stats_.submissions;
  sequence.computed = computed - dropped;
  sequence.verified = std::max(sequence.verified, verified - std::min(verified, dropped));
  return dropped;
}

Result<void> Sliding::make_room(Sequence& sequence, size_t tokens) {
  const size_t total = sequence.tokens.size() + tokens + 1;  // a position for what they draw
  if (!options_.slide || total <= options_.context_tokens || !sequence.pictures.empty()) return {};
  const auto needed = static_cast<uint32_t>(total - options_.context_tokens);
  PUMICE_ASSIGN(const uint32_t dropped, slide(sequence, sequence.computed, needed));
  if (dropped == 0) forget(sequence, needed);
  return {};
}

// Drops at least so many tokens after the sinks, where there are so many, with all keys and values from there on.
void Sliding::forget(Sequence& sequence, size_t tokens) {
  const size_t sinks =
      std::min<size_t>(divide_up(options_.sink_tokens, kPageTokens) * kPageTokens, sequence.tokens.size());
  const size_t droppable = sequence.tokens.size() - sinks;
  if (tokens > droppable) return;
  const size_t dropped = std::min(droppable, std::max(tokens, droppable / kShare));
  pages_.cut(sequence, static_cast<uint32_t>(sinks));
  const auto first = sequence.tokens.begin() + static_cast<ptrdiff_t>(sinks);
  sequence.tokens.erase(first, first + static_cast<ptrdiff_t>(dropped));
  sequence.dropped += dropped;
}

Result<bool> Sliding::make_room(Request& request) {
  if (!options_.slide) return false;
  PUMICE_ASSIGN(const uint32_t dropped, slide(*request.sequence, request.scheduled, 1));
  request.scheduled -= dropped;
  request.drawn -= dropped;
  return dropped > 0;
}

}  // namespace pumice
