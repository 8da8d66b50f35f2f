// Requests.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <mutex>
#include <utility>

#include "api/handles.h"

namespace pumice {

// As with sequences.
RequestObject::~RequestObject() {
  if (!request) return;
  (void)guarded(*sequence->context, [&]() -> Result<void> {
    sequence->context->context->abandon(*request);
    return {};
  });
}

namespace {

Result<GenerationParams> translate(const PumiceRequestOptions& options) {
  for (const float value : {options.temperature, options.top_p, options.min_p, options.repeat_penalty,
                            options.frequency_penalty, options.presence_penalty})
    if (!std::isfinite(value)) return invalid("a sampling parameter is not a finite number");
  if (!(options.repeat_penalty > 0)) return invalid("repeat_penalty must be above 0; 1 turns it off");
  if (options.top_p < 0 || options.min_p < 0 || options.min_p > 1) return invalid("top_p and min_p are probabilities");
  GenerationParams params;
  params.max_tokens = options.max_tokens;
  params.ignore_eos = options.ignore_eos != 0;
  params.sampler = {.temperature = options.temperature,
                    .top_p = options.top_p,
                    .min_p = options.min_p,
                    .repeat_penalty = options.repeat_penalty,
                    .frequency_penalty = options.frequency_penalty,
                    .presence_penalty = options.presence_penalty,
                    .top_k = options.top_k,
                    .penalty_window = options.penalty_window,
                    .seed_low = static_cast<uint32_t>(options.seed),
                    .seed_high = static_cast<uint32_t>(options.seed >> 32)};
  return params;
}

constexpr size_t kPollTokens = 256;

double milliseconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

// Moves what is new into the object's buffers; whole characters only, until the request has ended.
void drain(RequestObject& object) {
  Request& request = *object.request;
  const Tokenizer& tokenizer = *object.sequence->context->model->tokenizer;
  object.ids.clear();
  object.ids.swap(request.generated);
  object.text.clear();
  for (const int32_t id : object.ids) object.detokenizer.push(tokenizer.token_bytes(id), object.text);
  if (request.status != RequestStatus::kRunning && !std::exchange(object.text_finished, true))
    object.text += object.detokenizer.finish();
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
      const std::lock_guard turn(owner.turn);
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
}  // namespace pumice

using namespace pumice;

extern "C" {

PumiceResult pumice_request_submit(PumiceSequence* sequence, const PumiceRequestOptions* options,
                                   PumiceRequest** request) {
  if (!sequence) return PUMICE_INVALID_ARGUMENT;
  ContextObject& context = *sequence->object->context;
  return guarded(context, [&]() -> Result<void> {
    if (!request || !usable(options) || (!options->ids && options->count > 0))
      return invalid("request, options or ids");
    PUMICE_ASSIGN(const GenerationParams params, translate(*options));
    auto object = std::make_shared<RequestObject>();
    object->sequence = sequence->object;
    PUMICE_ASSIGN(object->request,
                  context.context->submit(*sequence->object->sequence, {options->ids, options->count}, params));
    // A poll allocates nothing as long as no more than this is new.
    object->ids.reserve(kPollTokens);
    object->request->generated.reserve(kPollTokens);
    object->text.reserve(16 * kPollTokens);
    *request = new PumiceRequest{std::move(object)};
    return {};
  });
}

void pumice_request_destroy(PumiceRequest* request) { delete request; }

PumiceResult pumice_step(PumiceContext* context, int32_t* busy) {
  if (!context) return PUMICE_INVALID_ARGUMENT;
  return guarded(*context->object, [&]() -> Result<void> {
    PUMICE_ASSIGN(const bool unfinished, context->object->context->step());
    if (busy) *busy = unfinished ? 1 : 0;
    return {};
  });
}

PumiceResult pumice_poll(PumiceRequest* request, PumicePoll* poll) {
  if (!request || !usable(poll)) return PUMICE_INVALID_ARGUMENT;
  RequestObject& object = *request->object;
  ContextObject& context = *object.sequence->context;
  return guarded(context, [&]() -> Result<void> {
    drain(object);
    const Request& from = *object.request;
    poll->status = static_cast<PumiceRequestStatus>(from.status);
    poll->result = from.status == RequestStatus::kFailed ? static_cast<PumiceResult>(from.error.status) : PUMICE_OK;
    if (from.status == RequestStatus::kFailed) context.last_error.set(from.error.message);
    poll->ids = object.ids.data();
    poll->count = object.ids.size();
    poll->text = object.text.c_str();
    poll->text_length = object.text.size();
    poll->prompt_done = from.prompt_done;
    poll->prompt_total = from.prompt_tokens;
    return {};
  });
}

PumiceResult pumice_request_wait(PumiceRequest* request, int32_t timeout_ms) {
  if (!request) return PUMICE_INVALID_ARGUMENT;
  RequestObject& object = *request->object;
  return guarded(&object.sequence->context->last_error, [&] { return wait_for_news(object, timeout_ms); });
}

void pumice_request_cancel(PumiceRequest* request) {
  if (request) request->object->request->cancel.store(true, std::memory_order_relaxed);
}

PumiceResult pumice_request_timings(const PumiceRequest* request, PumiceTimings* timings) {
  if (!request || !usable(timings)) return PUMICE_INVALID_ARGUMENT;
  return guarded(*request->object->sequence->context, [&]() -> Result<void> {
    const Request& from = *request->object->request;
    timings->prompt_tokens = from.prompt_tokens;
    timings->generated_tokens = from.generated_tokens;
    timings->cached_tokens = from.cached_tokens;
    const bool any = from.generated_tokens > 0;
    timings->prefill_ms = any ? milliseconds(from.first_token - from.submitted) : 0;
    timings->decode_ms = any ? milliseconds(from.last_token - from.first_token) : 0;
    timings->host_us_per_token =
        from.generated_tokens > 1 ? 1e6 * from.host_seconds_decode / (from.generated_tokens - 1) : 0;
    return {};
  });
}

}  // extern "C"
