#include "engine/context.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <thread>

#include "engine/adapters.h"
#include "engine/context_memory.h"

namespace pumice {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

uint64_t Context::room_on(vk::Device& device) {
  const bool shared = device_policy(device.caps()).shares_host_memory;
  return shared ? 0 : device.memory().room(device.caps().budget_bytes);
}

Result<ContextEstimate> Context::estimate(const ModelSpec& spec, const ContextOptions& options, uint64_t room,
                                          std::span<const AdaptableMatrix> matrices) {
  PUMICE_ASSIGN(const ContextPlan plan, plan_context(spec, options, DevicePolicy(), room));
  const WorkspaceShape shape = StepRecorder::workspace_shape(recorder_options(plan));
  ContextEstimate estimate{plan.kv_bytes(), Workspace::bytes(spec, shape)};
  if (options.adapters.empty()) return estimate;
  PUMICE_ASSIGN(estimate.adapter_bytes, AdapterStack::bytes(matrices, pointers_of(options.adapters),
                                                            {.rows = shape.rows, .slots = plan.options.max_sequences}));
  return estimate;
}

Result<std::unique_ptr<Context>> Context::create(const Model& model, std::vector<int32_t> stop_tokens,
                                                 const ContextOptions& asked, const ContextTower& tower) {
  vk::Device& device = model.kernels().device();
  PUMICE_TRY(device.check());
  PUMICE_ASSIGN(const ContextPlan plan, plan_for(model, asked, tower));
  if (asked.context_tokens == 0)
    device.log().write(LogLevel::kInfo, "a context of %u tokens of the model's %u; pages of %.1f MiB",
                       plan.options.context_tokens, model.spec().context_length,
                       static_cast<double>(plan.kv_bytes()) / (1 << 20));
  PUMICE_ASSIGN(std::unique_ptr<ContextMemory> memory, ContextMemory::create(model, plan));
  PUMICE_ASSIGN(std::unique_ptr<PictureEncoder> encoder, encoder_of(model, tower));
  std::unique_ptr<Draft> draft;
  if (asked.draft && asked.draft_guesses > 0) {
    PUMICE_ASSIGN(draft, Draft::create(*asked.draft, plan.options));
  }
  return std::unique_ptr<Context>(
      new Context(model, asked, plan, std::move(memory), std::move(stop_tokens), std::move(encoder), std::move(draft)));
}

Context::Context(const Model& model, const ContextOptions& asked, const ContextPlan& plan,
                 std::unique_ptr<ContextMemory> memory, std::vector<int32_t> stop_tokens,
                 std::unique_ptr<PictureEncoder> encoder, std::unique_ptr<Draft> draft)
    : model_(&model),
      asked_(asked),
      plan_(plan),
      memory_(std::move(memory)),
      encoder_(std::move(encoder)),
      draft_(std::move(draft)),
      stop_tokens_(std::move(stop_tokens)),
      slots_(options().max_sequences),
      parts_(std::make_unique<ContextParts>(model, plan_, *memory_, slots_, stop_tokens_, stats_, encoder_.get(),
                                            draft_.get())),
      fitted_limit_(device().memory().limit()) {}

Context::~Context() {
  // Buffers may go only when nothing uses them; a lost device uses nothing.
  device().settle(device().submissions());
}

uint64_t Context::oldest_in_flight() const {
  const uint64_t own = parts_->scheduler.oldest_in_flight();
  return own == 0 && draft_ ? draft_->oldest_in_flight() : own;
}

void Context::close_sequence(Sequence* sequence) {
  parts_->scheduler.abandon_all(*sequence);
  parts_->table.close(*sequence);
}

Result<void> Context::set_adapters(Sequence& sequence, std::span<const float> scales) {
  settle_cancelled(sequence);
  PUMICE_TRY(check_idle(sequence));
  PUMICE_ASSIGN(SequenceAdapters chosen, choose_adapters(options().adapters, scales));
  if (chosen.identity == sequence.adapters.identity) return {};
  if (!sequence.tokens.empty())
    return error(Status::kInvalidArgument,
                 "the sequence has %zu tokens, which were computed with other adapters; truncate it to 0 first",
                 sequence.tokens.size());
  parts_->table.set_adapters(sequence, std::move(chosen));
  return {};
}

Result<void> Context::check_ids(const Sequence& sequence, std::span<const int32_t> ids) const {
  PUMICE_TRY(check_idle(sequence));
  if (ids.empty()) return error(Status::kInvalidArgument, "there are no tokens to compute; give at least one");
  for (const int32_t id : ids)
    if (id < 0 || static_cast<uint32_t>(id) >= model_->spec().vocabulary)
      return error(Status::kInvalidArgument, "token %d is outside the vocabulary of %u", id, model_->spec().vocabulary);
  return {};
}

Result<void> Context::check_room(const Sequence& sequence, size_t tokens) const {
  const size_t total = sequence.tokens.size() + tokens;
  if (total <= options().context_tokens) return {};
  return error(Status::kContextFull,
               "%zu tokens do not fit a context of %u; shorten the prompt or make the context larger", total,
               options().context_tokens);
}

Result<void> Context::append(Sequence& sequence, std::span<const int32_t> ids) {
  settle_cancelled(sequence);
  PUMICE_TRY(check_ids(sequence, ids));
  PUMICE_TRY(check_room(sequence, ids.size()));
  sequence.tokens.insert(sequence.tokens.end(), ids.begin(), ids.end());
  return {};
}

Result<void> Context::append(Sequence& sequence, std::shared_ptr<const PictureContent> content) {
  settle_cancelled(sequence);
  PUMICE_TRY(check_idle(sequence));
  PUMICE_CHECK(encoder_ != nullptr);
  PUMICE_TRY(check_room(sequence, size_t{content->rows()} + 1));
  if (content->rows() > options().whole_rows && model_->spec().whole_pictures())
    return error(Status::kUnsupported, "a picture of %u rows; this model takes %u: ask for fewer", content->rows(),
                 options().whole_rows);
  const std::vector<int32_t> tokens = picture_tokens(*content);
  const auto first = static_cast<uint32_t>(sequence.tokens.size());
  sequence.tokens.reserve(first + tokens.size());
  sequence.pictures.reserve(sequence.pictures.size() + 1);
  sequence.kv.pictures.reserve(sequence.pictures.size() + 1);
  // Nothing fails from here on.
  sequence.tokens.insert(sequence.tokens.end(), tokens.begin(), tokens.end());
  sequence.kv.pictures.push_back({.first = first, .count = content->rows(), .identity = content->identity});
  sequence.pictures.push_back({first, std::move(content)});
  sequence.whole_pictures = model_->spec().whole_pictures();
  return {};
}

Result<void> Context::evaluate(Sequence& sequence, std::span<const int32_t> ids, std::span<float> logits) {
  PUMICE_TRY(device().check());
  settle_cancelled(sequence);
  PUMICE_TRY(check_ids(sequence, ids));
  PUMICE_TRY(check_room(sequence, ids.size()));
  parts_->scheduler.settle_open_step();
  return parts_->evaluation.evaluate(sequence, ids, logits);
}

Result<void> Context::score(Sequence& sequence, const ScoreArgs& args) {
  PUMICE_TRY(device().check());
  settle_cancelled(sequence);
  PUMICE_TRY(check_ids(sequence, args.ids));
  PUMICE_TRY(check_room(sequence, args.ids.size()));
  parts_->scheduler.settle_open_step();
  return parts_->evaluation.score(sequence, args);
}

Result<std::shared_ptr<Request>> Context::submit(Sequence& sequence, std::span<const int32_t> ids,
                                                 const GenerationParams& params) {
  PUMICE_TRY(device().check());
  settle_cancelled(sequence);
  PUMICE_TRY(check_ids(sequence, ids));
  if (options().slide) PUMICE_TRY(unpark(sequence));
  PUMICE_TRY(parts_->sliding.make_room(sequence, ids.size()));
  PUMICE_TRY(check_room(sequence, ids.size()));
  return parts_->scheduler.submit(sequence, ids, params);
}

Result<bool> Context::step() {
  if (device().lost()) return parts_->scheduler.lose().error();
  PUMICE_TRY(device().release_all());
  return advance(std::numeric_limits<double>::infinity());
}

Result<Context::FrameStep> Context::step_within(double device_microseconds, double host_microseconds,
                                                VkCommandBuffer commands) {
  if (device().lost()) return parts_->scheduler.lose().error();
  if (commands) device().make_recordable();
  device().hold();
  recorder().time_parts(device_microseconds);
  FrameStep frame;
  PUMICE_ASSIGN(frame.busy, advance(host_microseconds * 1e-6));
  PUMICE_ASSIGN(frame.released,
                commands ? device().record(commands, device_microseconds) : device().release(device_microseconds));
  if (frame.released.too_long && device_microseconds > 0) recorder().measure_apart();
  return frame;
}

Result<bool> Context::advance_to_news(Request& request) {
  PUMICE_TRY(step());
  return !request.generated.empty() || request.status != RequestStatus::kRunning;
}

Result<void> Context::wait_for(uint64_t submission, int64_t timeout_ns) const {
  constexpr int64_t kTierLookNs = 500'000;
  if (submission != 0 && device().wait(submission, static_cast<uint64_t>(timeout_ns))) return {};
  std::this_thread::sleep_for(std::chrono::nanoseconds(std::min(timeout_ns, kTierLookNs)));
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
      const double gone = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
      if (gone >= static_cast<double>(timeout_ms)) return false;
      limit = std::min(limit, static_cast<int64_t>((static_cast<double>(timeout_ms) - gone) * 1e6));
    }
    PUMICE_TRY(wait_for(oldest_in_flight(), limit));
  }
}

}  // namespace pumice
