// Requests.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <mutex>
#include <utility>

#include "api/handles.h"

namespace pumice {

void RequestObject::publish() noexcept {
  Request& from = *request;
  // Written in a turn alone, so that reading them takes no lock.
  if (from.generated.empty() && from.status == news.status && from.prompt_done == news.prompt_done &&
      from.queue_place == news.queue_place && from.paused == news.paused)
    return;
  const std::lock_guard lock(news_mutex);
  const size_t count = from.generated.size(), told = from.params.log_probabilities ? count : 0;
  try {
    news.ids.reserve(news.ids.size() + count);
    news.log_probabilities.reserve(news.log_probabilities.size() + told);
    news.top.reserve(news.top.size() + told * from.params.top_tokens);
  } catch (const std::bad_alloc&) {
    return;  // the next turn tries again
  }
  news.ids.insert(news.ids.end(), from.generated.begin(), from.generated.end());
  for (size_t i = 0; i < told; ++i) news.log_probabilities.push_back(from.log_probabilities[i]);
  for (size_t i = 0; i < told * from.params.top_tokens; ++i)
    news.top.push_back({from.top[i].id, from.top[i].log_probability});
  from.generated.clear();
  from.log_probabilities.clear();
  from.top.clear();
  news.prompt_done = from.prompt_done;
  news.queue_place = from.queue_place;
  news.paused = from.paused;
  if (from.status == RequestStatus::kFailed) std::swap(news.error, from.error);
  news.status = from.status;
}

// As with sequences.
void RequestObject::release() noexcept {
  if (!request) return;
  ContextObject& owner = *sequence->context;
  std::erase(owner.requests, this);
  (void)guarded(&owner.last_error, [&]() -> Result<void> {
    owner.context->abandon(*request);
    return {};
  });
}

namespace {

// What of the options goes beyond a sampler's numbers.
Result<void> translate_lists(const PumiceRequestOptions& options, uint32_t vocabulary, GenerationParams& params) {
  if (options.bias_count > kMaxBiases || (options.bias_count > 0 && !options.biases))
    return error(Status::kInvalidArgument, "%zu biases, or none of them; use at most %u", options.bias_count,
                 kMaxBiases);
  params.sampler.bias_count = static_cast<uint32_t>(options.bias_count);
  for (size_t i = 0; i < options.bias_count; ++i) {
    const PumiceTokenBias& bias = options.biases[i];
    if (bias.id < 0 || static_cast<uint32_t>(bias.id) >= vocabulary || !std::isfinite(bias.bias))
      return error(Status::kInvalidArgument, "bias %zu is not of a token, or not a finite number", i);
    params.sampler.biases[i] = {.token = static_cast<uint32_t>(bias.id), .value = bias.bias};
  }
  const uint32_t most = std::min<uint32_t>(PUMICE_MOST_TOP_TOKENS, vocabulary);
  if (options.top_tokens > most || (options.top_tokens > 0 && !options.log_probabilities))
    return error(Status::kInvalidArgument, "top_tokens needs log_probabilities, and is at most %u", most);
  params.log_probabilities = options.log_probabilities != 0;
  params.top_tokens = options.top_tokens;
  return {};
}

Result<GenerationParams> translate(const PumiceRequestOptions& options, uint32_t vocabulary) {
  for (const float value : {options.temperature, options.top_p, options.min_p, options.repeat_penalty,
                            options.frequency_penalty, options.presence_penalty})
    if (!std::isfinite(value)) return invalid("a sampling parameter is not a finite number");
  if (!(options.repeat_penalty > 0)) return invalid("repeat_penalty must be above 0; 1 turns it off");
  if (options.top_p < 0 || options.min_p < 0 || options.min_p > 1) return invalid("top_p and min_p are probabilities");
  // Below it logits that differ at all are as good as greedy, and dividing by it would overflow.
  constexpr float kLeastTemperature = 1e-6f;
  GenerationParams params;
  params.max_tokens = options.max_tokens;
  params.ignore_eos = options.ignore_eos != 0;
  params.sampler = {.temperature = options.temperature > 0 ? std::max(options.temperature, kLeastTemperature) : 0,
                    .top_p = options.top_p,
                    .min_p = options.min_p,
                    .repeat_penalty = options.repeat_penalty,
                    .frequency_penalty = options.frequency_penalty,
                    .presence_penalty = options.presence_penalty,
                    .top_k = options.top_k,
                    .penalty_window = options.penalty_window,
                    .seed_low = static_cast<uint32_t>(options.seed),
                    .seed_high = static_cast<uint32_t>(options.seed >> 32)};
  PUMICE_TRY(translate_lists(options, vocabulary, params));
  return params;
}

constexpr size_t kPollTokens = 256;

double milliseconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

PumiceTimings timings_of(const Request& from) {
  PumiceTimings timings = pumice_timings_init();
  timings.prompt_tokens = from.prompt_tokens;
  timings.generated_tokens = from.generated_tokens;
  timings.cached_tokens = from.cached_tokens;
  std::ranges::copy(from.cached_from, timings.cached_from);
  const bool any = from.generated_tokens > 0;
  timings.prefill_ms = any ? milliseconds(from.first_token - from.submitted) : 0;
  timings.decode_ms = any ? milliseconds(from.last_token - from.first_token) : 0;
  timings.host_us_per_token =
      from.generated_tokens > 1 ? 1e6 * from.host_seconds_decode / (from.generated_tokens - 1) : 0;
  return timings;
}

// Moves what is new into the object's buffers; whole characters only, until the request has ended. Fails before it
// takes anything.
RequestStatus drain(RequestObject& object) {
  const Tokenizer& tokenizer = *object.tokenizer;
  object.text.clear();
  object.ids.clear();
  object.log_probabilities.clear();
  object.top.clear();
  RequestStatus status = RequestStatus::kRunning;
  {
    const std::lock_guard lock(object.news_mutex);
    size_t bytes = 4;  // what the detokenizer holds
    for (const int32_t id : object.news.ids) bytes += tokenizer.token_bytes(id).size();
    object.text.reserve(3 * bytes);  // U+FFFD for each
    object.ids.swap(object.news.ids);
    object.log_probabilities.swap(object.news.log_probabilities);
    object.top.swap(object.news.top);
    status = object.news.status;
    if (status == RequestStatus::kRunning && object.request->cancel.load(std::memory_order_relaxed))
      status = RequestStatus::kCancelled;  // what is in flight finishes later, and is thrown away
  }
  for (const int32_t id : object.ids) object.detokenizer.push(tokenizer.token_bytes(id), object.text);
  if (status != RequestStatus::kRunning && !std::exchange(object.text_finished, true))
    object.text += object.detokenizer.finish();
  return status;
}

// Steps until the request has something new. Others take their turns while this one waits for the device.
Result<void> wait_for_news(RequestObject& object, int32_t timeout_ms) {
  constexpr std::chrono::milliseconds kPoll(20);  // how soon a cancellation is seen
  using Clock = std::chrono::steady_clock;
  ContextObject& owner = *object.sequence->context;
  const Clock::time_point start = Clock::now();
  for (;;) {
    uint64_t pending = 0;
    {
      const std::lock_guard lock(object.news_mutex);
      if (object.news.any()) return {};
    }
    {
      const Turn turn(owner);
      PUMICE_TRY(owner.last_error.check());
      PUMICE_ASSIGN(const bool news, owner.context->advance_to_news(*object.request));
      if (news) return {};
      pending = owner.context->oldest_in_flight();
    }
    Clock::duration left = kPoll;
    if (timeout_ms >= 0)
      left = std::min<Clock::duration>(left, start + std::chrono::milliseconds(timeout_ms) - Clock::now());
    if (left <= Clock::duration::zero()) return error(Status::kTimeout, "nothing new within %d ms", timeout_ms);
    PUMICE_TRY(owner.context->wait_for(pending, std::chrono::duration_cast<std::chrono::nanoseconds>(left).count()));
  }
}

}  // namespace

Result<void> step_frame(ContextObject& owner, PumiceFrame* frame, VkCommandBuffer commands, uint64_t* value) {
  PUMICE_ASSIGN(PumiceFrame made, taken(frame, pumice_frame_init(), "frame"));
  if (!(made.gpu_us >= 0) || !(made.cpu_us >= 0)) return invalid("gpu_us or cpu_us");
  PUMICE_TRY(check_no_turn(owner));
  made.busy = 1;
  const Turn turn(owner, std::try_to_lock);
  uint64_t recorded = 0;
  if (turn.taken()) {
    PUMICE_TRY(owner.last_error.check());
    const double host_us = made.cpu_us > 0 ? made.cpu_us : std::numeric_limits<double>::infinity();
    PUMICE_ASSIGN(const Context::FrameStep stepped, owner.context->step_within(made.gpu_us, host_us, commands));
    made.busy = stepped.busy ? 1 : 0;
    made.submitted_us = stepped.released.microseconds;
    made.chunks = stepped.released.chunks;
    made.held = stepped.released.held;
    made.finished_us = stepped.released.finished;
    recorded = stepped.released.recorded;
  }
  if (value) *value = recorded;
  hand_out(made, frame);
  return {};
}

}  // namespace pumice

using namespace pumice;

extern "C" {

PumiceResult pumice_request_submit(PumiceSequence* sequence, const PumiceRequestOptions* options,
                                   PumiceRequest** request) {
  if (!sequence) return PUMICE_INVALID_ARGUMENT;
  return guarded(sequence->object, [&](SequenceObject& of) -> Result<void> {
    PUMICE_ASSIGN(const PumiceRequestOptions given, taken(options, pumice_request_options_init(), "options"));
    if (!request || (!given.ids && given.count > 0)) return invalid("request or ids");
    ContextObject& context = *of.context;
    PUMICE_ASSIGN(GenerationParams params, translate(given, context.model->model->spec().vocabulary));
    if (given.grammar) {
      const GrammarObject& grammar = *given.grammar->object;
      if (grammar.model != context.model) return invalid("the grammar is of another model");
      params.matcher = std::make_shared<grammar::Matcher>(grammar.grammar, grammar.tokens);
    }
    auto handle = std::make_unique<PumiceRequest>();
    handle->object = retiring<RequestObject>(of.context);
    RequestObject& object = *handle->object;
    object.sequence = sequence->object;
    object.tokenizer = context.model->tokenizer;
    // A poll allocates nothing as long as no more than this is new.
    object.ids.reserve(kPollTokens);
    object.news.ids.reserve(kPollTokens);
    object.text.reserve(16 * kPollTokens);
    context.requests.reserve(context.requests.size() + 1);
    PUMICE_ASSIGN(object.request, context.context->submit(*of.sequence, {given.ids, given.count}, params));
    object.request->generated.reserve(kPollTokens);
    const size_t told = params.log_probabilities ? kPollTokens : 0;
    object.request->log_probabilities.reserve(told);
    object.request->top.reserve(told * params.top_tokens);
    object.news.prompt_tokens = object.request->prompt_tokens;
    context.requests.push_back(&object);
    *request = handle.release();
    return {};
  });
}

void pumice_request_destroy(PumiceRequest* request) { delete request; }

PumiceResult pumice_step(PumiceContext* context, int32_t* busy) {
  if (!context) return PUMICE_INVALID_ARGUMENT;
  ContextObject& owner = *context->object;
  return guarded(&owner.last_error, [&]() -> Result<void> {
    PUMICE_TRY(check_no_turn(owner));
    const Turn turn(owner, std::try_to_lock);
    if (!turn.taken()) {  // whoever has the turn may need long; the next frame tries again
      if (busy) *busy = 1;
      return {};
    }
    PUMICE_TRY(owner.last_error.check());
    PUMICE_ASSIGN(const bool unfinished, owner.context->step());
    if (busy) *busy = unfinished ? 1 : 0;
    return {};
  });
}

PumiceResult pumice_step_within(PumiceContext* context, PumiceFrame* frame) {
  if (!context) return PUMICE_INVALID_ARGUMENT;
  return guarded(&context->object->last_error,
                 [&] { return step_frame(*context->object, frame, VK_NULL_HANDLE, nullptr); });
}

PumiceResult pumice_poll(PumiceRequest* request, PumicePoll* poll) {
  if (!request) return PUMICE_INVALID_ARGUMENT;
  RequestObject& object = *request->object;
  LastError& sink = object.sequence->context->last_error;
  return guarded(&sink, [&]() -> Result<void> {
    PUMICE_TRY(check_struct(poll, "poll"));
    const RequestStatus status = drain(object);
    PumicePoll made = pumice_poll_init();
    made.status = static_cast<PumiceRequestStatus>(status);
    made.ids = object.ids.data();
    made.count = object.ids.size();
    if (object.request->params.log_probabilities) {
      made.log_probabilities = object.log_probabilities.data();
      made.top = object.top.data();
      made.top_tokens = object.request->params.top_tokens;
    }
    made.text = object.text.c_str();
    made.text_length = object.text.size();
    const std::lock_guard lock(object.news_mutex);
    made.prompt_done = object.news.prompt_done;
    made.prompt_total = object.news.prompt_tokens;
    made.queued = object.news.queue_place;
    if (status == RequestStatus::kRunning) made.paused = static_cast<PumiceResult>(object.news.paused);
    if (status == RequestStatus::kFailed) {
      made.result = static_cast<PumiceResult>(object.news.error.status);
      sink.set(object.news.error.message);
    }
    hand_out(made, poll);
    return {};
  });
}

PumiceResult pumice_request_wait(PumiceRequest* request, int32_t timeout_ms) {
  if (!request) return PUMICE_INVALID_ARGUMENT;
  RequestObject& object = *request->object;
  return guarded(&object.sequence->context->last_error, [&]() -> Result<void> {
    PUMICE_TRY(check_no_turn(*object.sequence->context));
    return wait_for_news(object, timeout_ms);
  });
}

void pumice_request_cancel(PumiceRequest* request) {
  if (request) request->object->request->cancel.store(true, std::memory_order_relaxed);
}

PumiceResult pumice_request_timings(const PumiceRequest* request, PumiceTimings* timings) {
  if (!request) return PUMICE_INVALID_ARGUMENT;
  return guarded(*request->object->sequence->context, [&]() -> Result<void> {
    PUMICE_TRY(check_struct(timings, "timings"));
    hand_out(timings_of(*request->object->request), timings);
    return {};
  });
}

}  // extern "C"
