#include "engine/context.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace pumice {
namespace {

using Clock = std::chrono::steady_clock;

StepRecorderOptions recorder_options(const ContextPlan& plan) {
  return {.kv = plan.options.kv_format(),
          .slots = plan.options.max_sequences,
          .context_tokens = plan.options.context_tokens,
          .slice_tokens = plan.highest_slice,
          .steps_ahead = plan.options.steps_ahead,
          .record_each_step = plan.options.record_each_step,
          .profile = plan.options.profile,
          .exact = plan.options.exact};
}

// Of a part of a picture.
uint32_t most_rows(const TowerSpec& tower) {
  if (tower.picture.sizing == PictureSpec::Sizing::kSmart) return tower.picture.most_rows;
  const uint32_t side = tower.picture.image_size / tower.patch / tower.merge;
  return side * side;
}

Result<void> check_pictures(const ModelSpec& spec, const TowerSpec& tower) {
  if (tower.deep.size() != spec.deepstack)
    return error(
        Status::kUnsupported,
        "the projector adds to %zu layers, the language model takes that in %u; give the one that came with it",
        tower.deep.size(), spec.deepstack);
  if (spec.embedding_skip || spec.learned_positions)
    return error(Status::kUnsupported, "a model of this architecture (%s) takes no pictures here",
                 spec.architecture.c_str());
  return {};
}

}  // namespace

Result<std::unique_ptr<ContextMemory>> ContextMemory::create(const Model& model, const ContextPlan& plan) {
  vk::Device& device = model.kernels().device();
  auto memory = std::make_unique<ContextMemory>();
  PUMICE_ASSIGN(memory->pool, PagePool::create(device, plan.shape, plan.pages));
  memory->transfer = PageTransfer(device, memory->pool);
  KvCacheOptions cache = plan.options.cache;
  cache.log = &device.log();
  if (!plan.states.region_words.empty()) {
    PUMICE_ASSIGN(memory->states, PagePool::create(device, plan.states, plan.places()));
    memory->state_transfer = PageTransfer(device, memory->states);
    cache.states = {
        .memory = &memory->state_transfer, .sequences = plan.options.max_sequences, .snapshots = plan.snapshots};
  }
  if (plan.window_places > 0) {
    PUMICE_ASSIGN(memory->windows, PagePool::create(device, plan.windows, plan.window_places));
    memory->window_transfer = PageTransfer(device, memory->windows);
    cache.windows = {.places = &memory->windows, .memory = &memory->window_transfer, .tokens = plan.window_tokens};
  }
  PUMICE_ASSIGN(memory->cache, KvCache::create(memory->pool, memory->transfer, cache));
  const StepPools pools{
      .pages = memory->pool, .states = memory->states, .windows = memory->windows, .windowed = plan.windowed};
  PUMICE_ASSIGN(memory->recorder, StepRecorder::create(model, pools, recorder_options(plan)));
  return memory;
}

uint64_t Context::room_on(vk::Device& device) {
  const bool shared = device_policy(device.caps()).shares_host_memory;
  return shared ? 0 : device.memory().room(device.caps().budget_bytes);
}

Result<ContextEstimate> Context::estimate(const ModelSpec& spec, const ContextOptions& options, uint64_t room) {
  PUMICE_ASSIGN(const ContextPlan plan, plan_context(spec, options, DevicePolicy(), room));
  const WorkspaceShape shape = StepRecorder::workspace_shape(recorder_options(plan));
  return ContextEstimate{plan.kv_bytes(), Workspace::bytes(spec, shape)};
}

Result<std::unique_ptr<Context>> Context::create(const Model& model, std::vector<int32_t> stop_tokens,
                                                 const ContextOptions& asked, const ContextTower& tower) {
  vk::Device& device = model.kernels().device();
  ContextOptions options = asked;
  if (tower.tower && model.spec().whole_pictures()) options.whole_rows = most_rows(tower.tower->spec());
  PUMICE_ASSIGN(const ContextPlan plan, plan_context(model.spec(), options, device.caps(), room_on(device)));
  if (options.context_tokens == 0)
    device.log().write(LogLevel::kInfo, "a context of %u tokens of the model's %u; pages of %.1f MiB",
                       plan.options.context_tokens, model.spec().context_length,
                       static_cast<double>(plan.kv_bytes()) / (1 << 20));
  PUMICE_ASSIGN(std::unique_ptr<ContextMemory> memory, ContextMemory::create(model, plan));
  std::unique_ptr<PictureEncoder> encoder;
  if (tower.tower) {
    PUMICE_TRY(check_pictures(model.spec(), tower.tower->spec()));
    encoder = std::make_unique<PictureEncoder>(*tower.tower, tower.fingerprint, model.spec());
  }
  return std::unique_ptr<Context>(
      new Context(model, plan, std::move(memory), std::move(stop_tokens), std::move(encoder)));
}

Context::Context(const Model& model, const ContextPlan& plan, std::unique_ptr<ContextMemory> memory,
                 std::vector<int32_t> stop_tokens, std::unique_ptr<PictureEncoder> encoder)
    : model_(model),
      plan_(plan),
      memory_(std::move(memory)),
      encoder_(std::move(encoder)),
      slots_(options().max_sequences),
      pages_(*memory_->cache, memory_->recorder, slots_, !options().disable_kv_cache),
      sampling_(memory_->recorder, std::move(stop_tokens)),
      sliding_(options(), *memory_->cache, pages_, sampling_, memory_->recorder, stats_),
      table_(options(), *memory_->cache, pages_, slots_),
      prefill_(plan_, *memory_->cache, pages_, sampling_, memory_->recorder, stats_, encoder_.get()),
      admission_(options(), *memory_->cache, pages_, stats_),
      batch_(options(), *memory_->cache, pages_, sampling_, sliding_, admission_, memory_->recorder, stats_),
      scheduler_(options(), {.model = model,
                             .device = model.kernels().device(),
                             .cache = *memory_->cache,
                             .pages = pages_,
                             .sampling = sampling_,
                             .prefill = prefill_,
                             .batch = batch_,
                             .admission = admission_,
                             .recorder = memory_->recorder,
                             .stats = stats_}),
      evaluation_(model, *memory_->cache, pages_, prefill_, memory_->recorder, stats_, !options().disable_kv_cache) {}

Context::~Context() {
  // Buffers may go only when nothing uses them; a lost device uses nothing.
  model_.kernels().device().settle(model_.kernels().device().submissions());
}

void Context::close_sequence(Sequence* sequence) {
  scheduler_.abandon_all(*sequence);
  table_.close(*sequence);
}

Result<void> Context::check_ids(const Sequence& sequence, std::span<const int32_t> ids) const {
  PUMICE_TRY(check_idle(sequence));
  if (ids.empty()) return error(Status::kInvalidArgument, "there are no tokens to compute; give at least one");
  for (const int32_t id : ids)
    if (id < 0 || static_cast<uint32_t>(id) >= model_.spec().vocabulary)
      return error(Status::kInvalidArgument, "token %d is outside the vocabulary of %u", id, model_.spec().vocabulary);
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
  PUMICE_TRY(check_ids(sequence, ids));
  PUMICE_TRY(check_room(sequence, ids.size()));
  sequence.tokens.insert(sequence.tokens.end(), ids.begin(), ids.end());
  return {};
}

Result<void> Context::append(Sequence& sequence, std::shared_ptr<const PictureContent> content) {
  PUMICE_TRY(check_idle(sequence));
  PUMICE_CHECK(encoder_ != nullptr);
  PUMICE_TRY(check_room(sequence, size_t{content->rows()} + 1));
  if (content->rows() > options().whole_rows && model_.spec().whole_pictures())
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
  sequence.whole_pictures = model_.spec().whole_pictures();
  return {};
}

Result<void> Context::evaluate(Sequence& sequence, std::span<const int32_t> ids, std::span<float> logits) {
  PUMICE_TRY(check_ids(sequence, ids));
  PUMICE_TRY(check_room(sequence, ids.size()));
  scheduler_.settle_open_step();
  return evaluation_.evaluate(sequence, ids, logits);
}

Result<void> Context::score(Sequence& sequence, const ScoreArgs& args) {
  PUMICE_TRY(check_ids(sequence, args.ids));
  PUMICE_TRY(check_room(sequence, args.ids.size()));
  scheduler_.settle_open_step();
  return evaluation_.score(sequence, args);
}

Result<std::shared_ptr<Request>> Context::submit(Sequence& sequence, std::span<const int32_t> ids,
                                                 const GenerationParams& params) {
  PUMICE_TRY(check_ids(sequence, ids));
  PUMICE_TRY(sliding_.make_room(sequence, ids.size()));
  PUMICE_TRY(check_room(sequence, ids.size()));
  return scheduler_.submit(sequence, ids, params);
}

Result<bool> Context::step() {
  PUMICE_TRY(model_.kernels().device().release_all());
  return scheduler_.step();
}

Result<Context::FrameStep> Context::step_within(double device_microseconds, double host_microseconds) {
  vk::Device& device = model_.kernels().device();
  device.hold();
  recorder().time_parts();
  FrameStep frame;
  PUMICE_ASSIGN(frame.busy, scheduler_.step(host_microseconds * 1e-6));
  PUMICE_ASSIGN(frame.released, device.release(device_microseconds));
  return frame;
}

Result<bool> Context::advance_to_news(Request& request) {
  PUMICE_TRY(step());
  return !request.generated.empty() || request.status != RequestStatus::kRunning;
}

Result<void> Context::wait_for(uint64_t submission, int64_t timeout_ns) const {
  constexpr int64_t kTierLookNs = 500'000;
  if (submission != 0 && model_.kernels().device().wait(submission, static_cast<uint64_t>(timeout_ns))) return {};
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
