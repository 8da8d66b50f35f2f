// SequencePages: takes pages for sequences, gives them back, and keeps the device's table of them.
//
// Thread rule: that of its context.
#pragma once

#include "engine/sequence.h"
#include "engine/step_recorder.h"

namespace pumice {

// What of a text may be found in the cache: all tokens but the last, which is always computed, for its logits.
inline std::span<const int32_t> reusable(const Sequence& sequence) {
  return std::span(sequence.tokens).first(sequence.tokens.empty() ? 0 : sequence.tokens.size() - 1);
}

class SequencePages {
 public:
  // caches: false where every step computes its whole sequence again. Cache and recorder outlive it.
  SequencePages(KvCache& cache, StepRecorder& recorder, bool caches)
      : cache_(cache), recorder_(recorder), caches_(caches) {}

  // The sequence gets pages for that many tokens, all or none. false: too few are free.
  bool reserve(Sequence& sequence, uint32_t tokens);
  Result<void> reserve_all(Sequence& sequence, uint32_t tokens);  // likewise, or kContextFull
  // Gives back those beyond `tokens`.
  void release(Sequence& sequence, uint32_t tokens) { cache_.shrink(sequence.kv, tokens); }

  // Before a text that has been appended is computed: takes over what of it is in the pool (reuse), and sees to it that
  // no shared page will be written. Raises `computed`. A failure leaves the tokens as they are.
  Result<void> enter(Sequence& sequence, bool reuse);
  // What the tiers have of the text; waits. The sequence has pages for all of it.
  Result<void> fetch_now(Sequence& sequence);
  // Full pages among the first `computed` tokens, which nothing in flight writes, may be found by others.
  void seal(Sequence& sequence, uint32_t computed);
  // Writes the device's table anew, from a page on.
  void write_table(const Sequence& sequence, size_t from = 0);

 private:
  KvCache& cache_;
  StepRecorder& recorder_;
  bool caches_;
};

}  // namespace pumice
