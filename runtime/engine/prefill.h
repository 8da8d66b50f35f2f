// Prefill: computes prompts in slices, whose size it adapts to the device.
//
// Thread rule: that of its context.
#pragma once

#include "engine/context_options.h"
#include "engine/context_stats.h"
#include "engine/request.h"
#include "engine/sampling.h"
#include "engine/sequence_pages.h"

namespace pumice {

class Prefill {
 public:
  static constexpr double kSliceBudgetMs = 100;

  // All of them outlive it.
  // encoder: null where the model sees no pictures.
  Prefill(const ContextPlan& plan, KvCache& cache, SequencePages& pages, Sampling& sampling, StepRecorder& recorder,
          ContextStats& stats, PictureEncoder* encoder);

  // The next slice of a sequence of which `computed` tokens have been.
  SlicePlan next(const Sequence& sequence, uint32_t computed) const;
  // Submits it, waiting for its pipelines and for an earlier slice where it must, and for the tower where rows of a
  // picture are not there. `end` counts for the last one.
  Result<uint64_t> submit(Sequence& sequence, const SlicePlan& plan, StepEnd end);
  // Submits what can be without waiting of a request whose pages are there.
  Result<void> schedule(Request& request);
  // A slice of the request has finished.
  void collected(Request& request, const InFlight& slice);

 private:
  const ContextOptions& options_;
  KvCache& cache_;
  SequencePages& pages_;
  Sampling& sampling_;
  StepRecorder& recorder_;
  ContextStats& stats_;
  PictureEncoder* encoder_;
  uint32_t slice_, highest_slice_;
};

}  // namespace pumice
