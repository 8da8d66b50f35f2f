// Speculation: steps that compute several tokens of one text at once, where what comes next can be guessed.
//
// A check computes the last token and the guesses behind it as rows of one step, and draws after each row as a plain
// step would there: draws depend on logits, seed and position alone. Those that equal the guesses are taken, and one
// more; so what is generated is what it would be without. A draw of p that equals a guess is the acceptance with
// min(1, p / q) of a guess that is certain (q = 1). Rows are computed by the kernels of decode steps, whose sums do not
// depend on how many rows there are.
//
// The host decides, so the loop does not close on the device while guesses are checked, and steps in flight end first.
// A request alone in its context does it, while that brings more tokens a second (GuessGain). Thread rule: that of its
// context.
#pragma once

#include "engine/admission.h"
#include "engine/draft.h"
#include "engine/guesses.h"
#include "engine/sampling.h"

namespace pumice {

class Speculation {
 public:
  // All of them outlive it. draft: null where there is none.
  Speculation(const ContextOptions& options, KvCache& cache, SequencePages& pages, StepRecorder& recorder,
              ContextStats& stats, Draft* draft)
      : options_(options), cache_(cache), pages_(pages), recorder_(recorder), stats_(stats), draft_(draft) {}

  // Before the batch: submits a check where it pays. Requests for which the batch has to wait are `held_back`.
  void schedule(ActiveRequests active);
  // The draws of a check, one after the other, have been taken up to the sequence's end.
  void collected(Request& request, const InFlight& check);

 private:
  bool allowed(const Request& request, ActiveRequests active) const;
  enum class Found { kNothing, kLater, kGuesses };
  Found find_guesses(Request& request);
  Found ask_draft(Request& request, uint32_t most);
  Result<bool> begin_check(Request& request);
  Result<bool> resume(Request& request);

  const ContextOptions& options_;
  KvCache& cache_;
  SequencePages& pages_;
  StepRecorder& recorder_;
  ContextStats& stats_;
  Draft* draft_;
  bool drafting_ = false;
};

}  // namespace pumice
