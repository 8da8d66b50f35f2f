// The part of Context that runs requests: collect what has finished, submit what comes next, never wait.
#include <time.h>

#include <algorithm>
#include <thread>

#include "engine/context.h"
#include "engine/reuse.h"

namespace pumice {
namespace {

using Clock = std::chrono::steady_clock;

// CPU time of this thread: what the host spends, without what it waits.
double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

}  // namespace

bool Context::is_stop(int32_t token) const {
  return std::find(stop_tokens_.begin(), stop_tokens_.end(), token) != stop_tokens_.end();
}

// What the device must know of the request before its first step; nothing of the sequence is in flight now.
Result<void> Context::prepare(Request& request) {
  Sequence& sequence = *request.sequence;
  if (options_.disable_kv_cache) sequence.computed = 0;
  request.prompt_end = static_cast<uint32_t>(sequence.tokens.size());
  request.drawn = request.prompt_end;
  PUMICE_TRY(enter(sequence, true));
  request.scheduled = request.ready = sequence.computed;
  cache_->begin_fetch(sequence.kv, reusable(sequence), request.fetch);
  SamplerParams params = request.params.sampler;
  // Where there are more than the device knows, steps ahead of one of the others are thrown away.
  const auto known = static_cast<uint32_t>(std::min<size_t>(stop_tokens_.size(), kMaxStopTokens));
  params.stop_count = request.params.ignore_eos ? 0 : known;
  for (uint32_t i = 0; i < params.stop_count; ++i) params.stop_tokens[i] = static_cast<uint32_t>(stop_tokens_[i]);
  recorder_.sampler(sequence.slot) = params;
  write_token_log(sequence);
  return {};
}

void Context::end(Request& request, RequestStatus status) {
  if (request.ending) return;
  request.ending = true;
  request.end_status = status;
}

void Context::finish(Request& request) {
  request.status = request.end_status;
  Sequence& sequence = *request.sequence;
  // A failed request that drew nothing leaves the sequence without its prompt, as it was before.
  if (request.status == RequestStatus::kFailed && request.generated_tokens == 0)
    sequence.tokens.resize(request.prompt_end - request.prompt_tokens);
  // Steps that ran past the end wrote beyond these tokens, or the last of them once more.
  sequence.computed = std::min(request.scheduled, static_cast<uint32_t>(sequence.tokens.size()));
  request.fetch = {};
  if (!options_.exact || request.generated_tokens == 0)
    cache_->seal(sequence.kv, sequence.tokens, sequence.computed);
  else
    sequence.kv.sealing = false;
  write_page_table(sequence);
  release_pages(sequence, sequence.computed);
  sequence.busy = false;
}

void Context::fail(Request& request, Error failure) {
  request.error = std::move(failure);
  if (!request.in_flight.empty()) (void)model_.kernels().device().wait(request.in_flight.back().value).ok();
  request.in_flight.clear();
  request.ending = true;
  request.end_status = RequestStatus::kFailed;
}

void Context::take_token(Request& request, const InFlight& step) {
  if (request.ending) return;
  Sequence& sequence = *request.sequence;
  const uint32_t drawn = recorder_.token_log(sequence.slot)[step.log_position];
  if (drawn == kTokenNotFinite) return fail(request, {Status::kMalformed, "the model computes NaN or infinite logits"});
  const auto token = static_cast<int32_t>(drawn);
  const auto now = Clock::now();
  if (request.generated_tokens == 0) request.first_token = now;
  request.last_token = now;
  sequence.tokens.push_back(token);
  if (!request.params.ignore_eos && is_stop(token)) return end(request, RequestStatus::kFinishedEos);
  request.generated.push_back(token);
  ++request.generated_tokens;
  ++stats_.decode_tokens;
  if (options_.disable_kv_cache) request.scheduled = sequence.computed = 0;
  if (request.params.max_tokens != 0 && request.generated_tokens >= request.params.max_tokens)
    end(request, RequestStatus::kFinishedLength);
  else if (sequence.tokens.size() >= options_.context_tokens && !options_.slide)
    end(request, RequestStatus::kFinishedContext);
}

Result<void> Context::collect(Request& request) {
  while (!request.in_flight.empty()) {
    const InFlight step = request.in_flight.front();
    PUMICE_ASSIGN(const bool reached, model_.kernels().device().reached(step.value));
    if (!reached) break;
    request.in_flight.erase(request.in_flight.begin());
    if (options_.profile) recorder_.collect_profile();
    if (step.prefilled > 0) {
      request.ready += step.prefilled;
      const uint32_t left = request.prompt_end - std::min(request.prompt_end, request.ready);
      request.prompt_done = request.prompt_tokens - std::min(request.prompt_tokens, left);
      cache_->computed_prompt(step.prefilled, milliseconds_since(step.submitted) / 1e3);
      if (!request.ending) {
        cache_->seal(request.sequence->kv, request.sequence->tokens, std::min(request.ready, request.prompt_end));
        write_page_table(*request.sequence);
      }
      if (options_.prefill_slice == 0)
        slice_ =
            adapt_slice(slice_, step.prefilled, milliseconds_since(step.submitted), kSliceBudgetMs, highest_slice_);
    }
    if (step.log_position > 0) take_token(request, step);
  }
  return {};
}

Result<void> Context::schedule_prefill(Request& request) {
  Sequence& sequence = *request.sequence;
  const auto total = static_cast<uint32_t>(sequence.tokens.size());
  PUMICE_ASSIGN(const bool waits, wait_for_pages(request));
  if (waits) return {};
  while (request.scheduled < total) {
    // One slice at a time while their size is being adapted, so that its time is its own.
    const size_t most = options_.prefill_slice ? 2 : 1;
    if (request.in_flight.size() >= most) return {};
    PUMICE_ASSIGN(const bool busy, recorder_.slices_busy());
    if (busy) return {};
    PUMICE_TRY(cache_->scrub());
    const SlicePlan plan = plan_slice(request.scheduled, total, slice_);
    PUMICE_ASSIGN(const uint64_t value, recorder_.submit_slice(plan, sequence.tokens, sequence.slot,
                                                               plan.last ? end_of(request) : StepEnd::kNothing));
    request.in_flight.push_back({.value = value,
                                 .log_position = plan.last && total < options_.context_tokens ? total : 0,
                                 .prefilled = plan.count,
                                 .submitted = Clock::now()});
    request.scheduled += plan.count;
    stats_.prefill_tokens += plan.count;
    ++stats_.submissions;
    if (plan.last) {
      request.drawn = total + 1;
      ++request.draws;
      if (total >= options_.context_tokens) end(request, RequestStatus::kFinishedContext);
    }
  }
  return {};
}

// The requests that the next decode step serves. They go in step: while one of them has as many steps in flight as it
// may, none goes on, or the members would change with every step.
bool Context::gather_batch() {
  batch_.clear();
  members_.clear();
  for (const std::shared_ptr<Request>& shared : active_) {
    Request& request = *shared;
    const uint32_t wanted = request.params.max_tokens;
    if (request.ending || options_.disable_kv_cache || request.draws == 0) continue;
    if (wanted != 0 && request.draws >= wanted) continue;
    if (request.drawn >= options_.context_tokens && !options_.slide) continue;
    if (request.in_flight.size() >= options_.steps_ahead) return false;
    if (batch_.size() == kMaxBatch) break;
    if (request.drawn >= options_.context_tokens || !reserve(*request.sequence, request.drawn)) {
      if (!request.in_flight.empty()) {
        if (options_.slide) return false;  // what is in flight counts positions as they are
        continue;
      }
      const Result<bool> slid = options_.slide ? slide_request(request) : Result<bool>(false);
      if (!slid) fail(request, slid.error());
      if (slid && !*slid) end(request, RequestStatus::kFinishedContext);
      if (!slid || !*slid || !reserve(*request.sequence, request.drawn)) continue;
    }
    batch_.push_back(&request);
    members_.push_back({.slot = request.sequence->slot, .tokens = request.drawn});
  }
  return !batch_.empty();
}

void Context::schedule_decode() {
  while (gather_batch()) {
    const bool greedy = std::all_of(batch_.begin(), batch_.end(), [](const Request* r) { return r->params.greedy(); });
    const Result<void> scrubbed = cache_->scrub();
    Result<uint64_t> value = scrubbed ? recorder_.submit_decode(members_, greedy ? StepEnd::kGreedy : StepEnd::kSample)
                                      : Result<uint64_t>(scrubbed.error());
    if (!value) {
      for (Request* request : batch_) fail(*request, value.error());
      return;
    }
    for (Request* request : batch_) {
      request->in_flight.push_back({.value = *value, .log_position = request->drawn});
      request->scheduled = request->drawn;
      ++request->drawn;
      ++request->draws;
    }
    ++stats_.submissions;
  }
}

Result<void> Context::advance(Request& request) {
  PUMICE_TRY(collect(request));
  if (request.ending) return {};
  if (request.cancel.load(std::memory_order_relaxed)) {
    end(request, RequestStatus::kCancelled);
    return {};
  }
  if (options_.disable_kv_cache || request.draws == 0) return schedule_prefill(request);
  return {};
}

Result<bool> Context::step() {
  const double start = thread_seconds();
  const uint64_t prefilled = stats_.prefill_tokens;
  for (const std::shared_ptr<Request>& request : active_)
    if (Result<void> advanced = advance(*request); !advanced) fail(*request, std::move(advanced).error());
  schedule_decode();
  PUMICE_TRY(cache_->maintain());
  if (stats_.prefill_tokens == prefilled) share_host_time(thread_seconds() - start);
  for (const std::shared_ptr<Request>& request : active_)
    if (request->ending && request->in_flight.empty() && request->status == RequestStatus::kRunning) finish(*request);
  std::erase_if(active_, [](const std::shared_ptr<Request>& r) { return r->status != RequestStatus::kRunning; });
  return !active_.empty();
}

// Host time of a step without prefill, in equal parts to the requests that decode.
void Context::share_host_time(double seconds) {
  const auto decodes = [](const std::shared_ptr<Request>& request) { return request->generated_tokens > 0; };
  const auto count = std::count_if(active_.begin(), active_.end(), decodes);
  if (count == 0) return;
  stats_.host_seconds_decode += seconds;
  for (const std::shared_ptr<Request>& request : active_)
    if (decodes(request)) request->host_seconds_decode += seconds / static_cast<double>(count);
}

uint64_t Context::oldest_in_flight() const {
  uint64_t oldest = 0;
  for (const std::shared_ptr<Request>& request : active_)
    if (!request->in_flight.empty() && (oldest == 0 || request->in_flight.front().value < oldest))
      oldest = request->in_flight.front().value;
  return oldest;
}

Result<bool> Context::advance_to_news(Request& request) {
  PUMICE_TRY(step());
  return !request.generated.empty() || request.status != RequestStatus::kRunning;
}

Result<void> Context::wait_for(uint64_t submission, int64_t timeout_ns) const {
  constexpr int64_t kTierLookNs = 500'000;
  if (submission == 0)
    std::this_thread::sleep_for(std::chrono::nanoseconds(std::min(timeout_ns, kTierLookNs)));
  else
    (void)model_.kernels().device().wait(submission, static_cast<uint64_t>(timeout_ns)).ok();
  return {};
}

Result<bool> Context::wait(Request& request, int64_t timeout_ms) {
  constexpr int64_t kPollNs = 20'000'000;  // how soon a cancellation is seen
  const auto start = Clock::now();
  for (;;) {
    PUMICE_ASSIGN(const bool news, advance_to_news(request));
    if (news) return true;
    int64_t limit = kPollNs;
    if (timeout_ms >= 0) {
      const double left = static_cast<double>(timeout_ms) - milliseconds_since(start);
      if (left <= 0) return false;
      limit = std::min(limit, static_cast<int64_t>(left * 1e6));
    }
    PUMICE_TRY(wait_for(oldest_in_flight(), limit));
  }
}

void Context::abandon(Request& request) {
  if (request.status != RequestStatus::kRunning) return;
  request.cancel = true;
  while (request.status == RequestStatus::kRunning) {
    if (!request.in_flight.empty()) {
      const Result<bool> reached = model_.kernels().device().wait(request.in_flight.back().value);
      if (!reached) fail(request, reached.error());
    }
    const Result<bool> stepped = step();
    (void)stepped;
  }
}

}  // namespace pumice
