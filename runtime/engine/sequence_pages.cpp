#include "engine/sequence_pages.h"

#include <algorithm>

namespace pumice {
namespace {

Error no_room(uint32_t tokens) {
  return error(Status::kContextFull, "no free page for %u tokens; destroy a sequence or make the context larger",
               tokens);
}

}  // namespace

bool SequencePages::reserve(Sequence& sequence, uint32_t tokens) {
  const size_t held = sequence.kv.pages.size();
  if (!cache_.reserve(sequence.kv, tokens)) return false;
  write_table(sequence, held);
  return true;
}

Result<void> SequencePages::reserve_all(Sequence& sequence, uint32_t tokens) {
  if (reserve(sequence, tokens)) return {};
  return no_room(tokens);
}

Result<void> SequencePages::enter(Sequence& sequence, bool reuse) {
  if (!caches_) return {};
  const std::span<const int32_t> tokens = reuse ? reusable(sequence) : std::span<const int32_t>();
  PUMICE_ASSIGN(const bool own, cache_.settle(sequence.kv, tokens, sequence.computed));
  if (!own) return no_room(1);
  if (reuse) sequence.computed = std::max(sequence.computed, cache_.match(sequence.kv, tokens, true));
  write_table(sequence);
  return {};
}

Result<void> SequencePages::fetch_now(Sequence& sequence) {
  constexpr double kLookSeconds = 0.002;
  PrefixFetch fetch;
  cache_.begin_fetch(sequence.kv, reusable(sequence), fetch);
  for (;;) {
    PUMICE_ASSIGN(const bool waits, cache_.advance_fetch(sequence.kv, reusable(sequence), fetch));
    if (!waits) break;
    (void)fetch.reading->wait(kLookSeconds);
  }
  sequence.computed = std::max(sequence.computed, cache_.shared_tokens(sequence.kv));
  write_table(sequence);
  return {};
}

void SequencePages::seal(Sequence& sequence, uint32_t computed) {
  cache_.seal(sequence.kv, sequence.tokens, computed);
  write_table(sequence);
}

void SequencePages::write_table(const Sequence& sequence, size_t from) {
  const std::vector<PageId>& pages = sequence.kv.pages;
  std::copy(pages.begin() + static_cast<ptrdiff_t>(from), pages.end(), recorder_.page_table(sequence.slot) + from);
}

}  // namespace pumice
