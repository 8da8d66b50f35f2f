// SequencePages: takes pages for sequences, gives them back, and keeps the device's table of them.
//
// Pages of a sequence that nothing is computing, and whose tokens give the same keys and values again, go to one that
// needs them: the least recently used one gives its pages up first. It keeps its tokens, and what nobody has needed
// meanwhile is found in the cache when it goes on. Thread rule: that of its context.
#pragma once

#include <span>

#include "engine/sequence.h"
#include "engine/step_recorder.h"

namespace pumice {

// What of a text may be found in the cache: all tokens but the last, which is always computed, for its logits.
inline std::span<const int32_t> reusable(const Sequence& sequence) {
  return std::span(sequence.tokens).first(sequence.tokens.empty() ? 0 : sequence.tokens.size() - 1);
}

class SequencePages {
 public:
  // caches: false where every step computes its whole sequence again. All of them outlive it.
  SequencePages(KvCache& cache, StepRecorder& recorder, const SequenceSlots& slots, bool caches)
      : cache_(cache), recorder_(recorder), slots_(slots), caches_(caches) {}

  // The sequence gets pages for that many tokens, all or none. false: too few are to be had.
  bool reserve(Sequence& sequence, uint32_t tokens);
  Result<void> reserve_all(Sequence& sequence,
                           uint32_t tokens);  // likewise, or kContextFull
  // Another sequence, not `keeper`, loses its pages. false: none may.
  bool give_up_idle(const Sequence& keeper);
  // Gives back those beyond `tokens`.
  void release(Sequence& sequence, uint32_t tokens) {
    ++releases_;
    cache_.shrink(sequence.kv, tokens);
  }
  // No more than so many leading tokens are computed, and only they have pages.
  void cut(Sequence& sequence, uint32_t tokens);
  PageSupply supply() const { return {releases_, free_pages()}; }

  // Before a text that has been appended is computed: takes over what of it is in the pool (reuse; `first`: its lookup
  // counts), and sees to it that no shared page will be written. Raises `computed`. false: a page is needed and none is
  // to be had.
  Result<bool> enter(Sequence& sequence, bool reuse, bool first = true);
  // Brings back what is parked of the sequence, which has no pages; it is a copy, until it is dropped. false: there is
  // no room.
  Result<bool> unpark(Sequence& sequence);
  Result<void> unpark_now(Sequence& sequence);  // likewise, or kContextFull; it is parked no more
  // After a fetch for a text of `tokens` tokens: what of it can be gone on from is computed. false: there are too few
  // pages for the rest.
  Result<bool> take_fetched(Sequence& sequence, uint32_t tokens);
  // What the tiers have of the text; waits. The sequence has pages for all of it.
  Result<void> fetch_now(Sequence& sequence);
  // Full verified pages, which nothing in flight writes, may be found by others; not where host memory runs out.
  void seal(Sequence& sequence);
  // A step looks at the sequence's row of the table when it runs. So before the row becomes another text's, or pages of
  // it go while steps are in flight, they are waited for.
  void wait_for_steps(const Sequence& sequence) noexcept;
  // Before a step that computes tokens [first, first + count) of the sequence is submitted.
  Result<void> prepare(Sequence& sequence, uint32_t first, uint32_t count);
  // Writes the device's tables anew.
  void write_table(const Sequence& sequence);

 private:
  // Computing goes on after `tokens` tokens, or after fewer.
  Result<void> resume(Sequence& sequence, uint32_t tokens);
  void write_pages(const Sequence& sequence, size_t from);
  void write_window(const Sequence& sequence);
  uint32_t free_pages() const { return cache_.limit() - std::min(cache_.limit(), cache_.held()); }

  KvCache& cache_;
  StepRecorder& recorder_;
  const SequenceSlots& slots_;
  bool caches_;
  uint64_t uses_ = 0, releases_ = 0;
};

// No sequence and no request can give that many pages now.
Error no_room(uint32_t tokens);

}  // namespace pumice
