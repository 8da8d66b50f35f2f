#include "engine/batch.h"

#include <algorithm>

namespace pumice {

// A page for the token that the next step computes. false: there is none now; the request may have ended.
bool Batch::find_room(Request& request) {
  const bool full = request.drawn >= options_.context_tokens;
  if (!full && pages_.reserve(*request.sequence, request.drawn)) return true;
  if (!request.in_flight.empty()) return false;  // counts positions as they are
  Result<bool> slid = sliding_.make_room(request);
  if (!slid)
    request.fail(std::move(slid).error());
  else if (!*slid)
    request.end(RequestStatus::kFinishedContext);
  return slid && *slid && pages_.reserve(*request.sequence, request.drawn);
}

// The requests that the next decode step serves; false: there is nothing to submit now. They go in step: while one of
// them has as many steps in flight as it may, none goes on, or the members would change with every step.
bool Batch::gather(std::span<const std::shared_ptr<Request>> active) {
  requests_.clear();
  members_.clear();
  for (const std::shared_ptr<Request>& shared : active) {
    Request& request = *shared;
    const uint32_t wanted = request.params.max_tokens;
    if (request.ending || options_.disable_kv_cache || request.draws == 0) continue;
    if (wanted != 0 && request.draws >= wanted) continue;
    if (request.drawn >= options_.context_tokens && !sliding_.enabled()) continue;
    if (request.in_flight.size() >= options_.steps_ahead) return false;
    if (requests_.size() == kMaxBatch) break;
    if (!find_room(request)) {
      if (!request.in_flight.empty() && sliding_.enabled()) return false;
      continue;
    }
    requests_.push_back(&request);
    members_.push_back({.slot = request.sequence->slot, .tokens = request.drawn});
  }
  return !requests_.empty();
}

void Batch::schedule(std::span<const std::shared_ptr<Request>> active) {
  while (gather(active)) {
    const bool greedy = std::ranges::all_of(requests_, [](const Request* r) { return r->params.greedy(); });
    const Result<void> scrubbed = cache_.scrub();
    Result<uint64_t> value = scrubbed ? recorder_.submit_decode(members_, greedy ? StepEnd::kGreedy : StepEnd::kSample)
                                      : Result<uint64_t>(scrubbed.error());
    if (!value) {
      for (Request* request : requests_) request->fail(value.error());
      return;
    }
    for (Request* request : requests_) {
      request->in_flight.push_back({.value = *value, .log_position = request->drawn});
      request->scheduled = request->drawn;
      ++request->drawn;
      ++request->draws;
    }
    ++stats_.submissions;
  }
}

}  // namespace pumice
