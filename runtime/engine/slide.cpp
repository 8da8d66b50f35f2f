#include "engine/slide.h"

#include <algorithm>

namespace pumice {

uint32_t pages_to_drop(uint32_t full, uint32_t sinks, uint32_t tokens) {
  constexpr uint32_t kShare = 8;
  const uint32_t droppable = full - std::min(full, sinks);
  const uint32_t needed = std::max(1u, divide_up(tokens, kPageTokens));
  return needed > droppable ? 0 : std::max(needed, droppable / kShare);
}

// `computed`: leading tokens whose keys and values are in the pages; nothing of the sequence is in flight. Returns how
// many tokens were dropped; 0: none can be.
Result<uint32_t> Sliding::slide(Sequence& sequence, uint32_t computed, uint32_t tokens) {
  const uint32_t sinks = divide_up(options_.sink_tokens, kPageTokens);
  const uint32_t count = pages_to_drop(computed / kPageTokens, sinks, tokens);
  if (count == 0) return 0u;
  PUMICE_ASSIGN(const bool own, cache_.drop(sequence.kv, sinks, count));
  if (!own) return 0u;
  const uint32_t dropped = count * kPageTokens;
  const auto first = sequence.tokens.begin() + sinks * kPageTokens;
  sequence.tokens.erase(first, first + dropped);
  sequence.dropped += dropped;
  pages_.write_table(sequence);
  sampling_.moved(sequence);
  const auto last = static_cast<uint32_t>(sequence.tokens.size()) - 1;
  PUMICE_TRY(recorder_.submit_shift({.first_page = sinks,
                                     .pages = static_cast<uint32_t>(sequence.kv.pages.size()) - sinks,
                                     .shift = dropped,
                                     .next = {.token = static_cast<uint32_t>(sequence.tokens[last]),
                                              .position = last,
                                              .slot = sequence.slot,
                                              .live = 1}}));
  ++stats_.submissions;
  return dropped;
}

Result<void> Sliding::make_room(Sequence& sequence, size_t tokens) {
  const size_t total = sequence.tokens.size() + tokens + 1;  // a position for what they draw
  if (!options_.slide || total <= options_.context_tokens) return {};
  PUMICE_ASSIGN(const uint32_t dropped,
                slide(sequence, sequence.computed, static_cast<uint32_t>(total - options_.context_tokens)));
  sequence.computed -= dropped;
  return {};
}

Result<bool> Sliding::make_room(Request& request) {
  if (!options_.slide) return false;
  PUMICE_ASSIGN(const uint32_t dropped, slide(*request.sequence, request.scheduled, 1));
  request.scheduled -= dropped;
  request.drawn -= dropped;
  return dropped > 0;
}

}  // namespace pumice
