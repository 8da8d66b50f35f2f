#include "engine/scheduler.h"

#include <time.h>

#include <algorithm>
#include <new>

#include "engine/finite.h"

namespace pumice {
namespace {

using Clock = std::chrono::steady_clock;

// CPU time of this thread: what the host spends, without what it waits.
double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Host memory that runs out is an error like others.
template <typename Work>
Result<void> contained(Work&& work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return Error{Status::kOutOfHostMemory, "out of memory"};
  }
}

}  // namespace

Result<std::shared_ptr<Request>> Scheduler::submit(Sequence& sequence, std::span<const int32_t> ids,
                                                   const GenerationParams& params) {
  const size_t total = sequence.tokens.size() + ids.size();
  PUMICE_TRY(parts_.admission.check_possible(static_cast<uint32_t>(total)));
  if (params.log_probabilities) PUMICE_TRY(parts_.recorder.keep_logits());
  auto request = std::make_shared<Request>();
  request->sequence = &sequence;
  request->params = params;
  // Room for all that decoding will append: a step allocates nothing.
  const size_t most = params.max_tokens == 0 ? options_.context_tokens : total + params.max_tokens;
  sequence.tokens.reserve(std::max(total, std::min<size_t>(most, options_.context_tokens)));
  sequence.kv.pages.reserve(divide_up(options_.context_tokens, kPageTokens));
  request->in_flight.reserve(options_.steps_ahead + 2);
  request->guesses.reserve(options_.most_guesses());
  active_.reserve(active_.size() + 1);
  // Nothing fails from here on.
  sequence.tokens.insert(sequence.tokens.end(), ids.begin(), ids.end());
  sequence.busy = true;
  sequence.keeps_logits = params.log_probabilities;
  if (options_.disable_kv_cache) sequence.limit_computed(0);
  request->held = request->scheduled = request->ready = sequence.computed;
  request->prompt_end = request->drawn = static_cast<uint32_t>(total);
  request->prompt_tokens = static_cast<uint32_t>(ids.size());
  request->submitted = Clock::now();
  parts_.sampling.begin(sequence, params);
  active_.push_back(request);
  return request;
}

void Scheduler::finish(Request& request) {
  Sequence& sequence = *request.sequence;
  const bool failed = request.end_status == RequestStatus::kFailed;
  // A failed request that drew nothing leaves the sequence without its prompt, as it was before.
  if (failed && request.generated_tokens == 0) sequence.tokens.resize(request.prompt_end - request.prompt_tokens);
  if (sequence.parked && sequence.parked->computed > sequence.tokens.size()) sequence.parked.reset();
  // Steps that ran past the end wrote beyond these tokens, or the last of them once more.
  if (sequence.computing) sequence.computed = request.scheduled;
  sequence.limit_computed(static_cast<uint32_t>(sequence.tokens.size()));
  // Steps after the last token have changed its state, unless the device knew that it was the last: then it took in
  // none from that one on.
  const auto tokens = static_cast<uint32_t>(sequence.tokens.size());
  if (request.end_status == RequestStatus::kFinishedEos) sequence.state_at = std::min(sequence.state_at, tokens - 1);
  if (parts_.cache.keeps_states()) sequence.limit_computed(sequence.state_at);
  sequence.verified = std::min(sequence.verified, sequence.computed);
  if (failed) sequence.limit_computed(sequence.verified);
  request.fetch = {};
  if (options_.exact && request.generated_tokens > 0) sequence.kv.sealing = false;
  if (!failed) parts_.pages.seal(sequence);
  parts_.pages.release(sequence, sequence.computed);
  sequence.busy = sequence.computing = sequence.keeps_logits = false;
  request.queue_place = 0;
  request.status = request.end_status;
}

// What the logits, as they were before all that the sampler does to them, say of the token.
void Scheduler::tell_likely(Request& request, const InFlight& step, int32_t token) {
  const std::span<const float> logits = parts_.recorder.kept_logits(step.kept_row);
  const size_t known = request.top.size();
  request.top.resize(known + request.params.top_tokens);
  request.log_probabilities.push_back(log_probability_of(logits, token, std::span(request.top).subspan(known)));
}

void Scheduler::take_token(Request& request, const InFlight& step) {
  if (request.ending) return;
  Sequence& sequence = *request.sequence;
  const int32_t token = parts_.sampling.drawn(sequence, step.log_position);
  if (static_cast<uint32_t>(token) == kTokenNotFinite) return request.fail(not_finite(parts_.model));
  bool stops = parts_.sampling.stops(request.params, token);
  if (request.params.matcher) {
    const Result<bool> fits = request.params.matcher->accept(token);
    if (!fits) return request.fail(fits.error());
    PUMICE_CHECK(*fits);
    stops = stops || request.params.matcher->ended();
  }
  if (!stops && request.params.log_probabilities) tell_likely(request, step, token);
  if (!stops) request.generated.push_back(token);
  const auto now = Clock::now();
  if (request.generated_tokens == 0) request.first_token = now;
  request.last_token = now;
  sequence.tokens.push_back(token);
  sequence.verified = step.log_position;
  if (stops) return request.end(RequestStatus::kFinishedEos);
  ++request.generated_tokens;
  ++parts_.stats.decode_tokens;
  if (options_.exact) sequence.recomputable = false;  // by prefill, whose rounding is another
  if (options_.disable_kv_cache) request.scheduled = sequence.computed = 0;
  if (request.params.max_tokens != 0 && request.generated_tokens >= request.params.max_tokens)
    request.end(RequestStatus::kFinishedLength);
  else if (sequence.tokens.size() >= options_.context_tokens && (!options_.slide || !sequence.pictures.empty()))
    request.end(RequestStatus::kFinishedContext);
}

// Up to the first draw that is not what was guessed: the rows after it are of another text.
void Scheduler::take_checked(Request& request, const InFlight& check) {
  if (request.ending) return;
  const auto before = request.last_token;
  const std::vector<int32_t>& tokens = request.sequence->tokens;
  for (uint32_t i = 0; i <= check.guesses && !request.ending; ++i) {
    take_token(request, {.log_position = check.log_position + i});
    if (i == check.guesses || tokens.size() == check.log_position || tokens.back() != request.guesses[i]) break;
  }
  if (tokens.size() == check.log_position) return;  // it has failed
  const auto taken = static_cast<uint32_t>(tokens.size()) - check.log_position;
  parts_.speculation.collected(request, check);
  request.gain.checked(std::chrono::duration<double>(request.last_token - before).count(), check.guesses, taken,
                       request.generated_tokens);
}

Result<void> Scheduler::collect_finished(Request& request) {
  while (!request.in_flight.empty()) {
    const InFlight step = request.in_flight.front();
    if (step.open) break;
    PUMICE_ASSIGN(const bool reached, parts_.device.reached(step.value));
    if (!reached) break;
    if (options_.profile) parts_.recorder.collect_profile();
    const auto before = request.last_token;
    const bool first = request.generated_tokens == 0;
    if (step.guesses > 0)
      take_checked(request, step);
    else if (step.log_position > 0)
      take_token(request, step);
    if (step.guesses == 0 && step.prefilled == 0 && !first && request.last_token != before)
      request.gain.plain(std::chrono::duration<double>(request.last_token - before).count());
    request.in_flight.erase(request.in_flight.begin());
    if (step.prefilled == 0) continue;
    parts_.prefill.collected(request, step);
    if (!request.ending) parts_.pages.seal(*request.sequence);
  }
  return {};
}

// What has finished of it; then whether it ends or gives its pages away.
void Scheduler::collect(Request& request) {
  if (request.cancel.load(std::memory_order_relaxed)) request.end(RequestStatus::kCancelled);
  if (Result<void> collected = contained([&] { return collect_finished(request); }); !collected)
    request.fail(std::move(collected).error());
  if (request.suspending && !request.ending && request.in_flight.empty()) parts_.admission.suspend(request);
}

Result<void> Scheduler::prefill(Request& request) {
  PUMICE_ASSIGN(const bool arrived, parts_.admission.arrived(request));
  if (!arrived) return {};
  // Without a cache each token computes all of them.
  const auto total = static_cast<uint32_t>(request.sequence->tokens.size());
  if (options_.disable_kv_cache && request.in_flight.empty())
    PUMICE_TRY(parts_.pages.reserve_all(*request.sequence, total));
  return parts_.prefill.schedule(request);
}

// The logits that the end of another prompt left for the host are still to be read.
bool Scheduler::slice_kept(const Request& except) const {
  return std::ranges::any_of(active_, [&](const auto& other) {
    return other.get() != &except && other->params.log_probabilities && !other->in_flight.empty() &&
           other->in_flight.back().prefilled > 0 && other->in_flight.back().log_position > 0;
  });
}

void Scheduler::advance(Request& request) {
  const bool prefills = request.phase == RequestPhase::kFetching || request.phase == RequestPhase::kPrefill;
  if (!prefills || request.ending || request.suspending) return;
  if (request.params.log_probabilities && slice_kept(request)) return;
  if (Result<void> advanced = contained([&] { return prefill(request); }); !advanced)
    request.fail(std::move(advanced).error());
}

Result<bool> Scheduler::step(double host_seconds) {
  const double start = thread_seconds();
  const uint64_t prefilled = parts_.stats.prefill_tokens;
  for (const std::shared_ptr<Request>& request : active_) {
    request->paused = held_ ? Status::kOutOfDeviceMemory : Status::kOk;
    collect(*request);
  }
  const Result<void> scheduled = contained([&]() -> Result<void> {
    if (!parts_.batch.close() || held_) return {};
    parts_.admission.admit(active_);
    for (const std::shared_ptr<Request>& request : active_)
      if (thread_seconds() - start < host_seconds) advance(*request);
    parts_.speculation.schedule(active_);
    if (thread_seconds() - start < host_seconds) parts_.batch.schedule(active_);
    return {};
  });
  for (const std::shared_ptr<Request>& request : active_)
    if (request->ending && request->in_flight.empty()) finish(*request);
  const Result<void> maintained = contained([&]() -> Result<void> {
    parts_.cache.maintain();
    return {};
  });
  if (parts_.stats.prefill_tokens == prefilled) share_host_time(thread_seconds() - start);
  erase_finished();
  PUMICE_TRY(parts_.device.check());
  PUMICE_TRY(scheduled);
  PUMICE_TRY(maintained);
  return !active_.empty();
}

Result<void> Scheduler::lose() {
  for (const std::shared_ptr<Request>& request : active_) {
    request->lose();
    if (request->cancel.load(std::memory_order_relaxed)) request->end(RequestStatus::kCancelled);
    if (request->ending) finish(*request);
  }
  erase_finished();
  return parts_.device.check();
}

void Scheduler::go_on(std::vector<std::shared_ptr<Request>> active) {
  for (const std::shared_ptr<Request>& request : active) {
    request->in_flight.clear();
    request->fetch = {};
    request->paused = Status::kOk;
    request->phase = RequestPhase::kQueued;
    request->suspending = false;
    request->refused.reset();
    request->held = request->scheduled = request->ready = 0;
    request->prompt_end = request->drawn = static_cast<uint32_t>(request->sequence->tokens.size());
    request->draws = request->generated_tokens;
    parts_.sampling.go_on(*request->sequence, request->params);
  }
  active_ = std::move(active);
}

void Scheduler::erase_finished() {
  std::erase_if(active_, [](const std::shared_ptr<Request>& r) { return r->status != RequestStatus::kRunning; });
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

// All that came before its second part has finished then, so that the masks can be made.
void Scheduler::settle_open_step() {
  const uint64_t value = parts_.batch.open_submission();
  if (value == 0) return;
  parts_.device.settle(value);
  for (const std::shared_ptr<Request>& request : active_) collect(*request);
  if (parts_.batch.close()) return;
  for (const std::shared_ptr<Request>& request : active_)
    if (!request->in_flight.empty() && request->in_flight.back().open)
      request->fail(error(Status::kTimeout, "the device does not answer"));
  parts_.batch.close();
}

void Scheduler::abandon(Request& request) {
  if (request.status != RequestStatus::kRunning) return;
  request.end(RequestStatus::kCancelled);
  settle_open_step();
  if (!request.in_flight.empty()) {
    const uint64_t last = request.in_flight.back().value;
    parts_.device.settle(last);
    if (Result<bool> finished = parts_.device.reached(last); !finished) request.fail(std::move(finished).error());
    request.in_flight.clear();
  }
  finish(request);
  erase_finished();
}

void Scheduler::abandon_cancelled(const Sequence& sequence) {
  if (!sequence.busy) return;
  const auto found = std::ranges::find(active_, &sequence, [](const auto& request) { return request->sequence; });
  if (found == active_.end() || !(*found)->cancel.load(std::memory_order_relaxed)) return;
  const std::shared_ptr<Request> kept = *found;
  abandon(*kept);
}

void Scheduler::abandon_all(const Sequence& sequence) {
  const auto found = std::ranges::find(active_, &sequence, [](const auto& request) { return request->sequence; });
  if (found == active_.end()) return;
  const std::shared_ptr<Request> kept = *found;
  abandon(*kept);
}

}  // namespace pumice
