#include "engine/scheduler.h"

#include <time.h>

#include <algorithm>

namespace pumice {
namespace {

using Clock = std::chrono::steady_clock;

// CPU time of this thread: what the host spends, without what it waits.
double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

Result<std::shared_ptr<Request>> Scheduler::submit(Sequence& sequence, std::span<const int32_t> ids,
                                                   const GenerationParams& params) {
  auto request = std::make_shared<Request>();
  request->sequence = &sequence;
  request->params = params;
  // Room for all that decoding will append: a step allocates nothing.
  const size_t asked = sequence.tokens.size() + ids.size() + params.max_tokens;
  sequence.tokens.reserve(params.max_tokens == 0 ? options_.context_tokens
                                                 : std::min<size_t>(asked, options_.context_tokens));
  sequence.kv.pages.reserve(divide_up(options_.context_tokens, kPageTokens));
  request->in_flight.reserve(options_.steps_ahead + 2);
  sequence.tokens.insert(sequence.tokens.end(), ids.begin(), ids.end());
  sequence.busy = true;
  request->prompt_tokens = static_cast<uint32_t>(ids.size());
  request->submitted = Clock::now();
  if (Result<void> begun = parts_.admission.begin(*request); !begun) {
    sequence.tokens.resize(sequence.tokens.size() - ids.size());
    sequence.busy = false;
    return std::move(begun).error();
  }
  parts_.sampling.begin(sequence, params);
  active_.push_back(request);
  return request;
}

void Scheduler::finish(Request& request) {
  request.status = request.end_status;
  Sequence& sequence = *request.sequence;
  // A failed request that drew nothing leaves the sequence without its prompt, as it was before.
  if (request.status == RequestStatus::kFailed && request.generated_tokens == 0)
    sequence.tokens.resize(request.prompt_end - request.prompt_tokens);
  // Steps that ran past the end wrote beyond these tokens, or the last of them once more.
  sequence.computed = std::min(request.scheduled, static_cast<uint32_t>(sequence.tokens.size()));
  request.fetch = {};
  if (options_.exact && request.generated_tokens > 0) sequence.kv.sealing = false;
  parts_.pages.seal(sequence, sequence.computed);
  parts_.pages.release(sequence, sequence.computed);
  sequence.busy = false;
}

void Scheduler::take_token(Request& request, const InFlight& step) {
  if (request.ending) return;
  Sequence& sequence = *request.sequence;
  const int32_t token = parts_.sampling.drawn(sequence, step.log_position);
  if (static_cast<uint32_t>(token) == kTokenNotFinite)
    return request.fail({Status::kMalformed, "the model computes NaN or infinite logits"});
  const auto now = Clock::now();
  if (request.generated_tokens == 0) request.first_token = now;
  request.last_token = now;
  sequence.tokens.push_back(token);
  if (parts_.sampling.stops(request.params, token)) return request.end(RequestStatus::kFinishedEos);
  request.generated.push_back(token);
  ++request.generated_tokens;
  ++parts_.stats.decode_tokens;
  if (options_.disable_kv_cache) request.scheduled = sequence.computed = 0;
  if (request.params.max_tokens != 0 && request.generated_tokens >= request.params.max_tokens)
    request.end(RequestStatus::kFinishedLength);
  else if (sequence.tokens.size() >= options_.context_tokens && !options_.slide)
    request.end(RequestStatus::kFinishedContext);
}

Result<void> Scheduler::collect(Request& request) {
  while (!request.in_flight.empty()) {
    const InFlight step = request.in_flight.front();
    PUMICE_ASSIGN(const bool reached, parts_.device.reached(step.value));
    if (!reached) break;
    request.in_flight.erase(request.in_flight.begin());
    if (options_.profile) parts_.recorder.collect_profile();
    if (step.prefilled > 0) {
      parts_.prefill.collected(request, step);
      if (!request.ending) parts_.pages.seal(*request.sequence, std::min(request.ready, request.prompt_end));
    }
    if (step.log_position > 0) take_token(request, step);
  }
  return {};
}

Result<void> Scheduler::advance(Request& request) {
  PUMICE_TRY(collect(request));
  if (request.ending) return {};
  if (request.cancel.load(std::memory_order_relaxed)) {
    request.end(RequestStatus::kCancelled);
    return {};
  }
  if (!options_.disable_kv_cache && request.draws > 0) return {};
  PUMICE_ASSIGN(const bool admitted, parts_.admission.admits(request, active_));
  return admitted ? parts_.prefill.schedule(request) : Result<void>();
}

Result<bool> Scheduler::step() {
  const double start = thread_seconds();
  const uint64_t prefilled = parts_.stats.prefill_tokens;
  for (const std::shared_ptr<Request>& request : active_)
    if (Result<void> advanced = advance(*request); !advanced) request->fail(std::move(advanced).error());
  parts_.batch.schedule(active_);
  for (const std::shared_ptr<Request>& request : active_)
    if (request->ending && request->in_flight.empty()) finish(*request);
  const Result<void> maintained = parts_.cache.maintain();
  if (parts_.stats.prefill_tokens == prefilled) share_host_time(thread_seconds() - start);
  std::erase_if(active_, [](const std::shared_ptr<Request>& r) { return r->status != RequestStatus::kRunning; });
  PUMICE_TRY(maintained);
  return !active_.empty();
}

// Host time of a step without prefill, in equal parts to the requests that decode.
void Scheduler::share_host_time(double seconds) {
  const auto decodes = [](const std::shared_ptr<Request>& request) { return request->generated_tokens > 0; };
  const auto count = std::count_if(active_.begin(), active_.end(), decodes);
  if (count == 0) return;
  parts_.stats.host_seconds_decode += seconds;
  for (const std::shared_ptr<Request>& request : active_)
    if (decodes(request)) request->host_seconds_decode += seconds / static_cast<double>(count);
}

uint64_t Scheduler::oldest_in_flight() const {
  uint64_t oldest = 0;
  for (const std::shared_ptr<Request>& request : active_)
    if (!request->in_flight.empty() && (oldest == 0 || request->in_flight.front().value < oldest))
      oldest = request->in_flight.front().value;
  return oldest;
}

void Scheduler::abandon(Request& request) {
  if (request.status != RequestStatus::kRunning) return;
  request.cancel = true;
  while (request.status == RequestStatus::kRunning) {
    if (!request.in_flight.empty()) {
      const Result<bool> reached = parts_.device.wait(request.in_flight.back().value);
      if (!reached) request.fail(reached.error());
    }
    const Result<bool> stepped = step();
    (void)stepped;
  }
}

void Scheduler::abandon_all(const Sequence& sequence) {
  for (const std::shared_ptr<Request>& request : std::vector(active_))
    if (request->sequence == &sequence) abandon(*request);
}

}  // namespace pumice
