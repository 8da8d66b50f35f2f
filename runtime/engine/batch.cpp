#include "engine/batch.h"

#include <algorithm>

namespace pumice {

// A page for the token that the next step computes. false: there is none now; the request may have ended or be queued.
bool Batch::find_room(Request& request, ActiveRequests active) {
  Sequence& sequence = *request.sequence;
  const bool full = request.drawn >= options_.context_tokens;
  if (!full && pages_.reserve(sequence, request.drawn)) return true;
  if (!request.in_flight.empty()) return false;  // counts positions as they are
  while (!full) {
    const Admission::Shortage shortage = admission_.relieve(request, active);
    if (shortage == Admission::Shortage::kWait) return false;
    if (shortage == Admission::Shortage::kEnd) break;
    if (pages_.reserve(sequence, request.drawn)) return true;
  }
  Result<bool> slid = sliding_.enabled() ? recorder_.shift_ready() : Result<bool>(true);
  if (slid && !*slid) return false;
  if (slid) slid = sliding_.make_room(request);
  if (slid && *slid && pages_.reserve(sequence, request.drawn)) return true;
  if (!slid)
    request.fail(std::move(slid).error());
  else
    request.end(RequestStatus::kFinishedContext);
  return false;
}

// The requests that the next decode step serves; false: there is nothing to submit now. They go in step: while one of
// them has as many steps in flight as it may, none goes on, or the members would change with every step.
bool Batch::gather(ActiveRequests active) {
  requests_.clear();
  members_.clear();
  for (const std::shared_ptr<Request>& shared : active) {
    Request& request = *shared;
    const uint32_t wanted = request.params.max_tokens;
    // Logits that the host is to read are overwritten by the next step.
    if (request.params.log_probabilities && !request.in_flight.empty() && request.in_flight.back().prefilled == 0)
      return false;
    if (request.ending || request.suspending || request.phase != RequestPhase::kDecode || request.held_back) continue;
    if (request.params.log_probabilities && !request.in_flight.empty()) continue;  // of its prompt
    if (wanted != 0 && request.draws >= wanted) continue;
    if (request.drawn >= options_.context_tokens && !sliding_.enabled()) continue;
    if (request.in_flight.size() >= options_.steps_ahead) return false;
    if (requests_.size() == kMaxBatch) break;
    if (!find_room(request, active)) {
      if (!request.in_flight.empty() && sliding_.enabled()) return false;
      continue;
    }
    requests_.push_back(&request);
    members_.push_back({.slot = request.sequence->slot,
                        .tokens = request.drawn,
                        .adapted = !request.sequence->adapters.scales.empty(),
                        .kept = request.params.log_probabilities});
  }
  return !requests_.empty();
}

Result<bool> Batch::submit() {
  const bool greedy = std::ranges::all_of(requests_, [](const Request* r) { return r->params.greedy(); });
  const bool masked = std::ranges::any_of(requests_, [](const Request* r) { return r->params.matcher != nullptr; });
  const StepEnd end = masked ? StepEnd::kNothing : greedy ? StepEnd::kGreedy : StepEnd::kSample;
  if (std::ranges::any_of(members_, &BatchMember::kept)) PUMICE_TRY(recorder_.keep_logits());
  PUMICE_ASSIGN(bool ready, recorder_.decode_ready(members_, end));
  if (ready && masked) {
    PUMICE_ASSIGN(ready, recorder_.decode_ready(members_, StepEnd::kDraw));
  }
  if (!ready) return false;
  if (masked) open_.reserve(requests_.size());
  for (const Request* request : requests_) {
    Sequence& sequence = *request->sequence;
    PUMICE_TRY(pages_.prepare(sequence, request->drawn - 1, 1));
    PUMICE_TRY(cache_.snapshot(sequence.kv, sequence.slot, sequence.state_at));
  }
  PUMICE_ASSIGN(const uint64_t value, recorder_.submit_decode(members_, end));
  for (size_t i = 0; i < requests_.size(); ++i) {
    Request* request = requests_[i];
    request->sequence->state_at = request->drawn;
    request->in_flight.push_back({.value = value,
                                  .log_position = request->drawn,
                                  .kept_row = static_cast<uint32_t>(i),
                                  .open = masked});
    request->scheduled = request->drawn;
    ++request->drawn;
    ++request->draws;
  }
  ++stats_.submissions;
  if (masked) {
    open_.assign(requests_.begin(), requests_.end());
    open_value_ = value;
  }
  return true;
}

Result<void> Batch::submit_draw() {
  PUMICE_ASSIGN(const uint64_t value, recorder_.submit_decode(members_, StepEnd::kDraw));
  for (Request* request : open_) {
    if (request->in_flight.empty()) continue;  // the device was lost
    request->in_flight.back().value = value;
    request->in_flight.back().open = false;
  }
  ++stats_.submissions;
  return {};
}

bool Batch::close() {
  const auto waits = [](const Request* r) { return r->params.matcher && !r->ending && r->in_flight.size() > 1; };
  if (std::ranges::any_of(open_, waits)) return false;
  if (open_.empty()) return true;
  for (Request* request : open_) {
    if (request->ending) continue;
    if (Result<void> made = sampling_.mask(*request); !made) request->fail(std::move(made).error());
  }
  if (const Result<void> drawn = submit_draw(); !drawn)
    for (Request* request : open_) {
      if (!request->in_flight.empty()) request->in_flight.back().open = false;
      request->fail(drawn.error());
    }
  open_.clear();
  return true;
}

void Batch::schedule(ActiveRequests active) {
  while (close() && gather(active)) {
    const Result<bool> submitted = submit();
    if (!submitted)
      for (Request* request : requests_) request->fail(submitted.error());
    if (!submitted || !*submitted) return;
  }
}

}  // namespace pumice
