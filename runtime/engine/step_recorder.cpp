#include "engine/step_recorder.h"

#include <algorithm>
#include <cstring>

namespace pumice {
namespace {

constexpr size_t kSlicesInFlight = 2;

}  // namespace

Result<StepRecorder> StepRecorder::create(const Model& model, const PagePool& pool,
                                          const StepRecorderOptions& options) {
  StepRecorder recorder;
  recorder.model_ = &model;
  recorder.options_ = options;
  vk::Device& device = model.kernels().device();
  const WorkspaceShape shape{
      .rows = options.slice_tokens, .logit_rows = 1, .context_tokens = options.context_tokens, .decode_rows = 1};
  PUMICE_ASSIGN(recorder.work_, Workspace::create(device, model.config(), shape));
  recorder.workspace_bytes_ = Workspace::bytes(model.config(), shape);
  recorder.pages_per_slot_ = divide_up(options.context_tokens, kPageTokens);
  recorder.slot_stride_ = static_cast<uint32_t>(std::max<uint64_t>(device.caps().storage_alignment, 256));

  const auto shared = [&](uint64_t bytes) { return device.create_buffer(bytes, vk::MemoryIntent::kShared); };
  const uint64_t slots = options.slots;
  PUMICE_ASSIGN(recorder.page_table_, shared(4 * slots * recorder.pages_per_slot_));
  PUMICE_ASSIGN(recorder.token_log_, shared(4 * slots * options.context_tokens));
  PUMICE_ASSIGN(recorder.samplers_, shared(slots * sizeof(SamplerParams)));
  PUMICE_ASSIGN(recorder.decode_rows_, device.create_buffer(slots * recorder.slot_stride_, vk::MemoryIntent::kDevice));
  PUMICE_ASSIGN(recorder.arguments_, device.create_buffer(slots * recorder.slot_stride_, vk::MemoryIntent::kDevice));
  PUMICE_ASSIGN(recorder.readback_,
                device.create_buffer(uint64_t{4} * row_stride(model.config().vocabulary), vk::MemoryIntent::kReadback));
  std::memset(recorder.page_table_.mapped(), 0, recorder.page_table_.size());

  for (uint32_t layer = 0; layer < model.config().layers; ++layer)
    recorder.pages_.push_back({.type = options.kv_type,
                               .k = pool.k(layer),
                               .v = pool.v(layer),
                               .page_table = recorder.page_table_,
                               .pages_per_slot = recorder.pages_per_slot_});
  for (size_t i = 0; i < kSlicesInFlight; ++i) {
    Lane lane;
    PUMICE_ASSIGN(lane.stream, vk::CommandStream::create(device, options.profile));
    PUMICE_ASSIGN(lane.rows, shared(uint64_t{options.slice_tokens} * sizeof(StepRow)));
    recorder.slices_.push_back(std::move(lane));
  }
  for (size_t i = 0; options.record_each_step && i < options.steps_ahead; ++i) {
    Lane lane;
    PUMICE_ASSIGN(lane.stream, vk::CommandStream::create(device, options.profile));
    recorder.decodes_.push_back(std::move(lane));
  }
  return recorder;
}

void StepRecorder::record_model(Recorder recorder, const StepShape& shape) {
  model_->record_step(
      recorder,
      {.config = model_->config(), .weights = model_->weights(), .work = work_, .pages = pages_, .step = shape});
}

void StepRecorder::record_end(Recorder recorder, StepEnd end, const vk::BufferView& rows, uint32_t source_row,
                              uint32_t slot) {
  const uint32_t vocabulary = model_->config().vocabulary;
  const vk::BufferView logits(work_.logits, 0, uint64_t{4} * vocabulary);
  const CommitArgs commit{.step_rows = rows,
                          .next_rows = decode_row(slot),
                          .token_log = token_log_,
                          .attention_arguments = arguments(slot),
                          .samplers = samplers_,
                          .source_row = source_row,
                          .target_row = 0,
                          .log_stride = options_.context_tokens};
  switch (end) {
    case StepEnd::kNothing:
      break;
    case StepEnd::kLogits:
      recorder.stream.copy(logits, readback_);
      break;
    case StepEnd::kSample:
      sample(recorder, {.logits = logits, .cols = vocabulary, .commit = commit});
      break;
    case StepEnd::kGreedy:
      argmax(recorder,
             {.logits = logits, .cols = vocabulary, .finds = work_.finds, .counter = work_.counter, .commit = commit});
      break;
  }
}

Result<uint64_t> StepRecorder::submit(Lane& lane) {
  const VkCommandBuffer commands = lane.stream.handle();
  PUMICE_ASSIGN(lane.value, model_->kernels().device().submit({&commands, 1}));
  if (options_.profile) unprofiled_.push_back(&lane);
  return lane.value;
}

Result<bool> StepRecorder::slices_busy() {
  PUMICE_ASSIGN(const bool free, model_->kernels().device().reached(slices_[next_slice_].value));
  return !free;
}

Result<uint64_t> StepRecorder::submit_slice(const SlicePlan& plan, std::span<const int32_t> tokens, uint32_t slot,
                                            StepEnd end) {
  Lane& lane = slices_[next_slice_];
  next_slice_ = (next_slice_ + 1) % slices_.size();
  PUMICE_ASSIGN(const bool free, model_->kernels().device().wait(lane.value));
  PUMICE_CHECK(free);
  if (options_.profile) collect_profile();
  fill_rows(plan, tokens, slot, {lane.rows.mapped_as<StepRow>(), plan.count});
  const vk::BufferView rows(lane.rows, 0, plan.count * sizeof(StepRow));
  const bool ends = end != StepEnd::kNothing;
  const Recorder recorder{model_->kernels(), lane.stream};
  lane.stream.begin();
  record_model(recorder, {.n = plan.count,
                          .one_sequence = true,
                          .step_rows = rows,
                          .first_logit = plan.count - 1,
                          .logit_count = ends ? 1u : 0u});
  if (end == StepEnd::kGreedy || end == StepEnd::kSample) {
    const uint32_t counts[3] = {1, model_->config().kv_heads, 1};
    for (uint32_t axis = 0; axis < 3; ++axis)
      lane.stream.fill({arguments_, uint64_t{slot} * slot_stride_ + 4 * axis, 4}, counts[axis]);
  }
  record_end(recorder, end, rows, plan.count - 1, slot);
  PUMICE_TRY(lane.stream.end());
  ++recordings_;
  return submit(lane);
}

Result<void> StepRecorder::record_decode(Lane& lane, uint32_t slot, StepEnd end) {
  const vk::BufferView row = decode_row(slot), decode_arguments = arguments(slot);
  const Recorder recorder{model_->kernels(), lane.stream};
  lane.stream.begin();
  record_model(recorder, {.n = 1,
                          .one_sequence = false,
                          .step_rows = row,
                          .decode_arguments = &decode_arguments,
                          .first_logit = 0,
                          .logit_count = 1});
  record_end(recorder, end, row, 0, slot);
  PUMICE_TRY(lane.stream.end());
  ++recordings_;
  dispatches_ = lane.stream.dispatches();
  return {};
}

Result<uint64_t> StepRecorder::submit_decode(uint32_t slot, StepEnd end) {
  if (!options_.record_each_step) {
    Lane& lane = replays_[{slot, end}];
    if (!lane.recorded) {
      PUMICE_ASSIGN(lane.stream, vk::CommandStream::create(model_->kernels().device(), options_.profile));
      PUMICE_TRY(record_decode(lane, slot, end));
      lane.recorded = true;
    }
    return submit(lane);
  }
  Lane& lane = decodes_[next_decode_];
  next_decode_ = (next_decode_ + 1) % decodes_.size();
  PUMICE_ASSIGN(const bool free, model_->kernels().device().wait(lane.value));
  PUMICE_CHECK(free);
  PUMICE_TRY(record_decode(lane, slot, end));
  return submit(lane);
}

void StepRecorder::collect_profile() {
  for (Lane* lane : unprofiled_) {
    const Result<bool> finished = model_->kernels().device().reached(lane->value);
    if (!finished || !*finished) continue;
    for (const vk::ProfiledOperation& operation : lane->stream.profile()) {
      vk::ProfiledOperation& total = profile_[operation.name];
      total.name = operation.name;
      total.microseconds += operation.microseconds;
      total.bytes += operation.bytes;
      total.flops += operation.flops;
      ++profile_calls_[operation.name];
    }
  }
  unprofiled_.clear();
}

}  // namespace pumice
