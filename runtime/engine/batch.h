// Batch: the decode steps of all requests that have their prompts behind them.
//
// Each step computes one token of every member, fed on the device by the step before; up to `steps_ahead` of them are
// in flight while the host collects drawn tokens. What may follow a token under a grammar is known once the token is,
// so a step with such a member is submitted in two parts: all but its draw goes ahead, and while the device computes it
// the host makes the masks; then comes the draw. Between the two the step is open, and nothing else is submitted.
// Thread rule: that of its context.
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
  Batch(const ContextOptions& options, KvCache& cache, SequencePages& pages, Sampling& sampling, Sliding& sliding,
        Admission& admission, StepRecorder& recorder, ContextStats& stats)
      : options_(options),
        cache_(cache),
        pages_(pages),
        sampling_(sampling),
        sliding_(sliding),
        admission_(admission),
        recorder_(recorder),
        stats_(stats) {}

  // Submits all steps that may be in flight now, without waiting. What cannot go on ends; an error of a step ends its
  // members.
  void schedule(ActiveRequests active);
  // Submits the draw of the open step, if there is one. false: a token that it depends on has not been collected.
  bool close();
  uint64_t open_submission() const { return open_.empty() ? 0 : open_value_; }  // 0: no step is open

 private:
  bool gather(ActiveRequests active);
  bool find_room(Request& request, ActiveRequests active);
  Result<bool> submit();
  Result<void> submit_draw();

  const ContextOptions& options_;
  KvCache& cache_;
  SequencePages& pages_;
  Sampling& sampling_;
  Sliding& sliding_;
  Admission& admission_;
  StepRecorder& recorder_;
  ContextStats& stats_;
  std::vector<Request*> requests_;  // of the step being submitted
  std::vector<BatchMember> members_;
  std::vector<Request*> open_;  // of the open step, whose members members_ still has
  uint64_t open_value_ = 0;
};

}  // namespace pumice
