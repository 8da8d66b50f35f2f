// Sliding: how a sequence goes on when its context is full: the pages after the first few (attention sinks: a model
// that loses its first tokens loses its way) are dropped, and those behind them move to earlier positions.
// Source: Xiao et al. 2023, Efficient Streaming Language Models with Attention Sinks.
#pragma once

#include <cstdint>

#include "engine/context_options.h"
#include "engine/context_stats.h"
#include "engine/sampling.h"
#include "engine/sequence_pages.h"

namespace pumice {

// How many pages to drop, of `full` pages that are computed to the end and begin with `sinks` that stay, so that
// `tokens` more find room. More than that are dropped where an eighth of what may go is more: each time every key that
// stays is turned, which rounds it. 0: that many may not go.
uint32_t pages_to_drop(uint32_t full, uint32_t sinks, uint32_t tokens);

// Thread rule: that of its context.
class Sliding {
 public:
  // All of them outlive it.
  Sliding(const ContextOptions& options, KvCache& cache, SequencePages& pages, Sampling& sampling,
          StepRecorder& recorder, ContextStats& stats)
      : options_(options), cache_(cache), pages_(pages), sampling_(sampling), recorder_(recorder), stats_(stats) {}

  bool enabled() const { return options_.slide; }
  // Before `tokens` are appended to a sequence on which nothing runs. Where its computed tokens are too few to make
  // room, or there is no page to move them, what follows the sinks is computed again. Where the sinks leave no room,
  // and when it fails before anything was submitted, the sequence is as it was.
  Result<void> make_room(Sequence& sequence, size_t tokens);
  // Before the next step of a request with nothing in flight, where it has no room. false: it must end.
  Result<bool> make_room(Request& request);

 private:
  Result<uint32_t> slide(Sequence& sequence, uint32_t computed, uint32_t tokens);
  void forget(Sequence& sequence, size_t tokens);

  const ContextOptions& options_;
  KvCache& cache_;
  SequencePages& pages_;
  Sampling& sampling_;
  StepRecorder& recorder_;
  ContextStats& stats_;
};

}  // namespace pumice
