// Batch: the decode steps of all requests that have their prompts behind them.
//
// Each step computes one token of every member, fed on the device by the step before; up to `steps_ahead` of them are
// in flight while the host collects drawn tokens. Thread rule: that of its context.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/admission.h"
#include "engine/slide.h"

namespace pumice {

class Batch {
 public:
  // All of them outlive it.
  Batch(const ContextOptions& options, KvCache& cache, SequencePages& pages, Sliding& sliding, Admission& admission,
        StepRecorder& recorder, ContextStats& stats)
      : options_(options),
        cache_(cache),
        pages_(pages),
        sliding_(sliding),
        admission_(admission),
        recorder_(recorder),
        stats_(stats) {}

  // Submits all steps that may be in flight now, without waiting. What cannot go on ends; an error of a step ends its
  // members.
  void schedule(ActiveRequests active);

 private:
  bool gather(ActiveRequests active);
  bool find_room(Request& request, ActiveRequests active);
  Result<bool> submit();

  const ContextOptions& options_;
  KvCache& cache_;
  SequencePages& pages_;
  Sliding& sliding_;
  Admission& admission_;
  StepRecorder& recorder_;
  ContextStats& stats_;
  std::vector<Request*> requests_;  // of the step being submitted
  std::vector<BatchMember> members_;
};

}  // namespace pumice
