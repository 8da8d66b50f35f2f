// Admission: when a request's prompt may be computed: once its pages are there, and what others are computing or the
// tiers are bringing has arrived.
//
// Thread rule: that of its context.
#pragma once

#include <memory>
#include <span>

#include "engine/context_options.h"
#include "engine/context_stats.h"
#include "engine/request.h"
#include "engine/sequence_pages.h"

namespace pumice {

class Admission {
 public:
  // All of them outlive it.
  Admission(const ContextOptions& options, KvCache& cache, SequencePages& pages, ContextStats& stats)
      : options_(options), cache_(cache), pages_(pages), stats_(stats) {}

  // The prompt has been appended to the sequence. An error leaves the tokens as they are.
  Result<void> begin(Request& request);
  // Whether the next slice of the prompt may be computed now. `active`: all requests, the oldest first.
  Result<bool> admits(Request& request, std::span<const std::shared_ptr<Request>> active);

 private:
  bool computed_by_another(const Request& request, std::span<const std::shared_ptr<Request>> active);

  const ContextOptions& options_;
  KvCache& cache_;
  SequencePages& pages_;
  ContextStats& stats_;
};

}  // namespace pumice
