// Scheduler: runs requests: collects what has finished, submits what comes next, never waits.
//
// A request first prefills its prompt in slices, the last of which draws the first token; then decode steps follow, one
// token of every decoding request in each. Thread rule: that of its context; Request::cancel alone may be set from any.
#pragma once

#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "engine/admission.h"
#include "engine/batch.h"
#include "engine/prefill.h"
#include "engine/speculation.h"

namespace pumice {

// What a scheduler works with; all of it outlives the scheduler.
struct SchedulerParts {
  const Model& model;
  vk::Device& device;
  KvCache& cache;
  SequencePages& pages;
  Sampling& sampling;
  Prefill& prefill;
  Batch& batch;
  Speculation& speculation;
  Admission& admission;
  StepRecorder& recorder;
  ContextStats& stats;
};

class Scheduler {
 public:
  Scheduler(const ContextOptions& options, const SchedulerParts& parts) : options_(options), parts_(parts) {}

  // Appends checked ids to an idle sequence and queues the request. A failure leaves the sequence as it was.
  Result<std::shared_ptr<Request>> submit(Sequence& sequence, std::span<const int32_t> ids,
                                          const GenerationParams& params);
  // Does what can be done without waiting; true: some request is unfinished. What goes wrong with a request is that
  // request's error; another one leaves all requests as they are, to go on at the next step. Nothing is begun once the
  // call has taken so long.
  Result<bool> step(double host_seconds = std::numeric_limits<double>::infinity());
  // From now on nothing is begun, and requests are paused, or they go on.
  void hold(bool held) { held_ = held; }
  // Instead of step() on a lost device: ends what is cancelled, pauses the others, and returns the error.
  Result<void> lose();
  // Requests leave one scheduler and go on in another, whose cache has nothing of theirs.
  std::vector<std::shared_ptr<Request>> take_active() { return std::exchange(active_, {}); }
  void go_on(std::vector<std::shared_ptr<Request>> active);
  uint64_t oldest_in_flight() const;  // 0: nothing is
  // Ends the request and waits for what it has in flight; not for ever.
  void abandon(Request& request);
  void abandon_all(const Sequence& sequence);        // the same with whatever runs on the sequence
  void abandon_cancelled(const Sequence& sequence);  // if its request has been cancelled
  // Waits, not for ever, until nothing stands between two parts of a step, for what others are to submit.
  void settle_open_step();

 private:
  void collect(Request& request);
  Result<void> collect_finished(Request& request);
  void take_token(Request& request, const InFlight& step);
  void take_checked(Request& request, const InFlight& check);
  void tell_likely(Request& request, const InFlight& step, int32_t token);
  bool slice_kept(const Request& except) const;
  void advance(Request& request);
  Result<void> prefill(Request& request);
  void finish(Request& request);
  void erase_finished();
  void share_host_time(double seconds);

  const ContextOptions& options_;
  SchedulerParts parts_;
  std::vector<std::shared_ptr<Request>> active_;  // the oldest first
  bool held_ = false;
};

}  // namespace pumice
