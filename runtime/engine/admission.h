// Admission: which requests have pages for their prompts, and which wait for some.
//
// Requests get pages in the order in which they were submitted: while the first of the queue waits, none behind it is
// let in, so none waits for ever. A queued request holds no page that its sequence did not have before, and where a
// running one needs another page the youngest gives its own up and is queued again, so the oldest always goes on. The
// queue is no longer than the context has sequences. Thread rule: that of its context.
#pragma once

#include <memory>
#include <span>

#include "engine/context_options.h"
#include "engine/context_stats.h"
#include "engine/request.h"
#include "engine/sequence_pages.h"

namespace pumice {

using ActiveRequests = std::span<const std::shared_ptr<Request>>;  // the oldest first

class Admission {
 public:
  // All of them outlive it.
  Admission(const ContextPlan& plan, KvCache& cache, SequencePages& pages, ContextStats& stats)
      : options_(plan.options), full_pages_(plan.pages), cache_(cache), pages_(pages), stats_(stats) {}

  // kContextFull: the cache's limit is below what so many tokens take.
  Result<void> check_possible(uint32_t tokens) const;
  // Lets in whom it can. A request that cannot be helped by waiting fails.
  void admit(ActiveRequests active);
  // Whether what the tiers bring of an admitted request's prompt has arrived, or is not waited for any longer.
  Result<bool> arrived(Request& request);
  // For a request with nothing in flight that decodes and finds no page. kRetry: one may be found now; kWait: later,
  // when it is not queued again itself; kEnd: never.
  enum class Shortage { kRetry, kWait, kEnd };
  Shortage relieve(Request& request, ActiveRequests active);
  // Takes the pages of a request with nothing in flight, and queues it.
  void suspend(Request& request);

 private:
  enum class Entry { kAdmitted, kLater, kNoPages };  // kLater: another one computes its next pages
  Result<Entry> enter(Request& request, ActiveRequests active);
  Result<Entry> take_pages(Request& request, ActiveRequests active);
  bool computed_by_another(const Request& request, ActiveRequests active) const;
  void leave(Request& request);
  // The pool is smaller than it was made: requests wait for it to grow.
  bool short_of_memory() const { return cache_.pool().pages() < full_pages_; }

  const ContextOptions& options_;
  const uint32_t full_pages_;
  KvCache& cache_;
  SequencePages& pages_;
  ContextStats& stats_;
};

}  // namespace pumice
