#include "engine/step_recorder.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/adapters.h"
#include "shared/attention.h"

namespace pumice {
namespace {

constexpr size_t kSlicesInFlight = 2;

Result<std::optional<AdapterStack>> make_adapters(const Model& model, const StepRecorderOptions& options,
                                                  const WorkspaceShape& shape) {
  for (const std::shared_ptr<const Adapter>& adapter : options.adapters) PUMICE_TRY(check_adapter(model, *adapter));
  PUMICE_ASSIGN(AdapterStack stack,
                AdapterStack::create(model.kernels().device(), model.adaptable(), pointers_of(options.adapters),
                                     {.rows = shape.rows, .slots = options.slots}));
  return std::optional<AdapterStack>(std::move(stack));
}

}  // namespace

Result<StepRecorder> StepRecorder::create(const Model& model, const StepPools& pools,
                                          const StepRecorderOptions& options) {
  StepRecorder recorder;
  recorder.model_ = &model;
  recorder.options_ = options;
  vk::Device& device = model.kernels().device();
  const WorkspaceShape shape = workspace_shape(options);
  PUMICE_ASSIGN(recorder.work_, Workspace::create(device, model.spec(), shape));
  recorder.workspace_bytes_ = Workspace::bytes(model.spec(), shape);
  recorder.pages_per_slot_ = divide_up(options.context_tokens, kPageTokens);

  const auto shared = [&](uint64_t bytes) { return device.create_buffer(bytes, vk::MemoryIntent::kShared); };
  const uint64_t slots = options.slots;
  PUMICE_ASSIGN(recorder.page_table_, shared(4 * slots * recorder.pages_per_slot_));
  PUMICE_ASSIGN(recorder.window_table_, shared(4 * slots * recorder.pages_per_slot_));
  PUMICE_ASSIGN(recorder.token_log_, shared(4 * slots * options.context_tokens));
  PUMICE_ASSIGN(recorder.samplers_, shared(slots * sizeof(SamplerParams)));
  recorder.mask_words_ = divide_up(model.spec().vocabulary, 32u);
  PUMICE_ASSIGN(recorder.masks_, shared(4 * slots * recorder.mask_words_));
  PUMICE_ASSIGN(recorder.slot_rows_, device.create_buffer(slots * sizeof(StepRow), vk::MemoryIntent::kDevice));
  PUMICE_ASSIGN(recorder.batch_rows_,
                device.create_buffer(options.batch() * sizeof(StepRow), vk::MemoryIntent::kDevice));
  PUMICE_ASSIGN(recorder.arguments_, device.create_buffer(12, vk::MemoryIntent::kDevice));
  if (options.guesses > 0) {
    const uint64_t bytes = (options.guesses + 1) * sizeof(StepRow);
    PUMICE_ASSIGN(recorder.check_rows_, shared(bytes));
    PUMICE_ASSIGN(recorder.checked_rows_, device.create_buffer(bytes, vk::MemoryIntent::kDevice));
    PUMICE_ASSIGN(recorder.check_arguments_, shared(12));
  }
  PUMICE_ASSIGN(recorder.readback_,
                device.create_buffer(uint64_t{4} * row_stride(model.spec().vocabulary), vk::MemoryIntent::kReadback));
  // What no step has written is 0, not what the memory held before; drivers that run nothing show it.
  for (const vk::Buffer* buffer :
       {&recorder.page_table_, &recorder.window_table_, &recorder.token_log_, &recorder.masks_, &recorder.readback_})
    std::memset(buffer->mapped(), 0, buffer->size());
  recorder.batch_slots_.reserve(options.batch());
  recorder.row_readers_.resize(options.slots);

  recorder.bind_layers(pools);
  if (!options.adapters.empty()) {
    PUMICE_ASSIGN(recorder.adapters_, make_adapters(model, options, shape));
  }
  const auto add_lanes = [&](std::vector<Lane>& ring, size_t count) -> Result<void> {
    for (size_t i = 0; i < count; ++i) {
      Lane lane;
      PUMICE_ASSIGN(lane.stream, vk::CommandStream::create(device, options.profile));
      ring.push_back(std::move(lane));
    }
    return {};
  };
  PUMICE_TRY(add_lanes(recorder.slices_, kSlicesInFlight));
  for (Lane& lane : recorder.slices_) {
    PUMICE_ASSIGN(lane.rows, shared(uint64_t{options.slice_tokens} * sizeof(StepRow)));
  }
  // One more, as the last step may be submitted in two parts.
  if (options.record_each_step) PUMICE_TRY(add_lanes(recorder.decodes_, options.steps_ahead + 1));
  // One for each step that may be in flight, so that a change never waits for the one before.
  PUMICE_TRY(add_lanes(recorder.changes_, options.steps_ahead + 1));
  return recorder;
}

void StepRecorder::use(const StepPools& pools) {
  collect_profile();
  settle_beside();
  for (Lane& lane : slices_) lane.recorded = false;
  replays_.clear();
  batch_slots_.clear();
  bind_layers(pools);
}

void StepRecorder::bind_layers(const StepPools& pools) {
  pages_.clear();
  states_.clear();
  uint32_t region = 0, window_region = 0, state = 0;
  windowed_ = pools.windowed;
  for (size_t i = 0; i < model_->spec().layers.size(); ++i) {
    const LayerSpec& layer = model_->spec().layers[i];
    const bool windowed = windowed_[i];
    pages_.push_back({.format = options_.kv,
                      .page_table = windowed ? window_table_ : page_table_,
                      .pages_per_slot = pages_per_slot_});
    states_.push_back({.stride = layer.recurrence.state_floats()});
    if (layer.attention.own_kv_heads() != 0) {
      const PagePool& pool = windowed ? pools.windows : pools.pages;
      uint32_t& next = windowed ? window_region : region;
      pages_.back().k = pool.whole(next++);
      pages_.back().v = pool.whole(next++);
    }
    keeps_states_ = keeps_states_ || layer.recurrence.kind != RecurrenceKind::kNone;
    if (layer.recurrence.kind != RecurrenceKind::kNone) states_.back().view = pools.states.whole(state++);
  }
}

WorkspaceShape StepRecorder::workspace_shape(const StepRecorderOptions& options) {
  return {.rows = std::max(options.slice_tokens, options.most_rows()),
          .logit_rows = options.most_rows(),
          .context_tokens = options.context_tokens,
          .decode_rows = options.most_rows()};
}

void StepRecorder::record_model(Recorder recorder, const StepShape& shape) {
  record_step(recorder, {.spec = model_->spec(),
                         .weights = model_->weights(),
                         .work = work_,
                         .pages = pages_,
                         .states = states_,
                         .step = shape});
}

FloatRows StepRecorder::logit_rows(uint32_t n) const {
  const uint32_t vocabulary = model_->spec().vocabulary, stride = row_stride(vocabulary);
  return {{work_.logits, 0, uint64_t{4} * (uint64_t{n - 1} * stride + vocabulary)}, stride};
}

void StepRecorder::record_end(Recorder recorder, StepEnd end, uint32_t n, CommitArgs commit) {
  const uint32_t vocabulary = model_->spec().vocabulary;
  const FloatRows logits = logit_rows(n);
  commit.token_log = token_log_;
  commit.attention_arguments = arguments_;
  commit.samplers = samplers_;
  commit.log_stride = options_.context_tokens;
  switch (end) {
    case StepEnd::kNothing:
      break;
    case StepEnd::kLogits:
      if (!recorder.list) recorder.stream.copy(logits.view, readback_);
      break;
    case StepEnd::kSample:
    case StepEnd::kDraw:
      sample(recorder, {.logits = logits,
                        .cols = vocabulary,
                        .n = n,
                        .states = work_.samplings,
                        .finds = work_.finds,
                        .masks = masks_,
                        .mask_words = mask_words_,
                        .commit = commit});
      break;
    case StepEnd::kGreedy:
      argmax(recorder, {.logits = logits,
                        .cols = vocabulary,
                        .n = n,
                        .finds = work_.finds,
                        .counters = work_.arrivals,
                        .commit = commit});
      break;
  }
}

Result<uint64_t> StepRecorder::submit(Lane& lane, Lane* before) {
  if (options_.profile) unprofiled_.reserve(unprofiled_.size() + 1);
  PUMICE_ASSIGN(lane.value, lane.stream.submit(before ? &before->stream : nullptr));
  // Nothing throws from here on: what has been submitted is known.
  if (before) before->value = lane.value;
  if (options_.profile) unprofiled_.push_back(&lane);
  return lane.value;
}

Result<StepRecorder::Lane*> StepRecorder::next_lane(std::vector<Lane>& ring, size_t& next) {
  Lane& lane = ring[next];
  next = (next + 1) % ring.size();
  PUMICE_ASSIGN(const bool free, model_->kernels().device().wait(lane.value));
  PUMICE_CHECK(free);
  return &lane;
}

void StepRecorder::time_parts(double microseconds) {
  constexpr double kForgets = 0.99;  // a host may give the rest of a frame's time again
  parting_.timed = true;
  budget_ = std::max(microseconds, kForgets * budget_);
  if (budget_ <= 0) return;
  // Two parts fit a frame. Budgets that differ a little do not make recordings anew.
  constexpr double kShortest = 50;
  const double wanted = std::max(kShortest, std::exp2(std::floor(std::log2(budget_))) / 2);
  if (parting_.longest == 0 || wanted < parting_.longest) parting_.longest = wanted;
}

// A recorded step is to be recorded anew at its next use.
bool StepRecorder::outdated(const Lane& lane) const {
  const bool recorded = model_->kernels().device().records() && !lane.stream.recordable();
  return lane.recorded && (recorded || lane.stream.improvable(parting_));
}

Result<bool> StepRecorder::finished(const Lane& lane) const { return model_->kernels().device().reached(lane.value); }

StepRecorder::Form StepRecorder::slice_form(const SlicePlan& plan, const Sequence& sequence, StepEnd end) {
  const bool draws = end == StepEnd::kGreedy || end == StepEnd::kSample;
  return {Form::Kind::kSlice, plan.count, end, !sequence.adapters.scales.empty(), draws && sequence.keeps_logits};
}

StepRecorder::Form StepRecorder::decode_form(std::span<const BatchMember> batch, StepEnd end) {
  const bool adapted = end != StepEnd::kDraw && std::ranges::any_of(batch, &BatchMember::adapted);
  const bool kept = end != StepEnd::kDraw && std::ranges::any_of(batch, &BatchMember::kept);
  return {Form::Kind::kDecode, static_cast<uint32_t>(batch.size()), end, adapted, kept};
}

void StepRecorder::record_slice(Recorder recorder, const Form& form, uint32_t slot, vk::BufferView rows,
                                const StateSnapshots& snapshots, const PictureStep* pictures) {
  const uint32_t count = form.rows;
  rows.size = count * sizeof(StepRow);
  record_model(recorder, {.n = count,
                          .one_sequence = true,
                          .exact = options_.exact ? Exactness::kFew : Exactness::kNone,
                          .step_rows = rows,
                          .first_logit = count - 1,
                          .logit_count = form.end != StepEnd::kNothing ? 1u : 0u,
                          .snapshots = snapshots,
                          .pictures = pictures,
                          .adapters = form.adapted ? adapters() : nullptr});
  if (form.kept) record_kept(recorder, 1, slice_row());
  record_end(recorder, form.end, 1,
             {.step_rows = rows, .next_rows = slot_rows_, .source_row = count - 1, .target_row = slot});
}

Result<uint64_t> StepRecorder::submit_slice(const SlicePlan& plan, const Sequence& sequence, StepEnd end,
                                            std::span<const StateMark> marks, std::span<const SlicePicture> pictures) {
  const uint32_t slot = sequence.slot;
  StateSnapshots snapshots;
  PUMICE_CHECK(marks.size() <= kMostSnapshots);
  for (size_t i = 0; i < marks.size(); ++i) {
    snapshots.after[i] = marks[i].tokens - plan.first - 1;
    snapshots.place[i] = marks[i].place;
  }
  const Form form = slice_form(plan, sequence, end);
  if (adapters_) {
    std::ranges::fill(adapters_->scales(slot), 0.0f);
    std::ranges::copy(sequence.adapters.scales, adapters_->scales(slot).begin());
  }
  const uint32_t target = end == StepEnd::kNothing ? 0 : slot;
  Lane& lane = slice_lane(form, target);
  next_slice_ = (static_cast<size_t>(&lane - slices_.data()) + 1) % slices_.size();
  PUMICE_ASSIGN(const bool free, model_->kernels().device().wait(lane.value));
  PUMICE_CHECK(free);
  if (options_.profile) collect_profile();
  const std::span<StepRow> rows(lane.rows.mapped_as<StepRow>(), plan.count);
  fill_rows(plan, sequence.tokens, slot, rows, sequence.pictures);
  const PictureStep* with = nullptr;
  if (!pictures.empty()) {
    PUMICE_ASSIGN(
        with, lane.pictures.fill(model_->kernels().device(), model_->spec(), options_.slice_tokens, rows, pictures));
  }
  if (!holds(lane, form, target) || !marks.empty() || with) {
    settle_beside();
    lane.recorded = false;
    lane.stream.begin(parting_);
    record_slice({model_->kernels(), lane.stream}, form, slot, lane.rows, snapshots, with);
    PUMICE_TRY(lane.stream.end());
    ++recordings_;
  }
  lane.fresh = false;
  if (end == StepEnd::kGreedy || end == StepEnd::kSample)
    std::replace(batch_slots_.begin(), batch_slots_.end(), slot, kNoSlot);
  PUMICE_ASSIGN(row_readers_[slot], submit(lane));
  return row_readers_[slot];
}

void StepRecorder::record_decode_step(Recorder recorder, const Form& form) {
  const uint32_t n = form.rows;
  const vk::BufferView rows(batch_rows_, 0, n * sizeof(StepRow)), counts(arguments_);
  if (form.end != StepEnd::kDraw)
    record_model(recorder, {.n = n,
                            .one_sequence = false,
                            .step_rows = rows,
                            .decode_arguments = &counts,
                            .first_logit = 0,
                            .logit_count = n,
                            .adapters = form.adapted ? adapters() : nullptr});
  if (form.kept) record_kept(recorder, n, 0);
  record_end(recorder, form.end, n, {.step_rows = rows, .next_rows = rows});
}

Result<void> StepRecorder::record_decode(Lane& lane, const Form& form) {
  lane.stream.begin(parting_);
  const Recorder recorder{model_->kernels(), lane.stream};
  if (form.kind == Form::Kind::kCheck)
    record_check(recorder, form);
  else
    record_decode_step(recorder, form);
  PUMICE_TRY(lane.stream.end());
  ++recordings_;
  if (form.kind == Form::Kind::kCheck) return {};
  dispatches_ = form.end == StepEnd::kDraw ? dispatches_ + lane.stream.dispatches() : lane.stream.dispatches();
  return {};
}

Result<StepRecorder::Lane*> StepRecorder::record_batch_change(std::span<const BatchMember> batch) {
  PUMICE_ASSIGN(Lane* const lane, next_lane(changes_, next_change_));
  const auto row = [](const vk::Buffer& rows, uint64_t index) {
    return vk::BufferView(rows, index * sizeof(StepRow), sizeof(StepRow));
  };
  lane->stream.begin();
  for (size_t i = 0; i < batch_slots_.size(); ++i)
    if (batch_slots_[i] != kNoSlot) lane->stream.copy(row(batch_rows_, i), row(slot_rows_, batch_slots_[i]));
  uint32_t longest = 1;
  for (size_t i = 0; i < batch.size(); ++i) {
    lane->stream.copy(row(slot_rows_, batch[i].slot), row(batch_rows_, i));
    longest = std::max(longest, batch[i].tokens);
  }
  const uint32_t counts[3] = {static_cast<uint32_t>(batch.size()), std::max(model_->spec().most_kv_heads(), 1u),
                              divide_up(longest, kAttentionDecodePages * kPageTokens)};
  for (uint32_t axis = 0; axis < 3; ++axis) lane->stream.fill({arguments_, 4 * axis, 4}, counts[axis]);
  PUMICE_TRY(lane->stream.end());
  return lane;
}

// The recorded step.
Result<StepRecorder::Lane*> StepRecorder::decode_lane(const Form& form) {
  if (options_.record_each_step) {
    PUMICE_ASSIGN(Lane* const lane, next_lane(decodes_, next_decode_));
    PUMICE_TRY(record_decode(*lane, form));
    return lane;
  }
  Lane& lane = replays_[form];
  if (!records_beside() && outdated(lane)) {  // else decode_ready() has seen to it
    PUMICE_ASSIGN(const bool free, finished(lane));
    if (free) lane.recorded = false;
  }
  if (!lane.recorded) settle_beside();
  if (!lane.recorded) {
    if (!lane.stream) {
      PUMICE_ASSIGN(lane.stream, vk::CommandStream::create(model_->kernels().device(), options_.profile));
    }
    PUMICE_TRY(record_decode(lane, form));
    lane.recorded = true;
  }
  return &lane;
}

Result<uint64_t> StepRecorder::submit_decode(std::span<const BatchMember> batch, StepEnd end) {
  const bool same = std::equal(batch.begin(), batch.end(), batch_slots_.begin(), batch_slots_.end(),
                               [](const BatchMember& member, uint32_t slot) { return member.slot == slot; });
  Lane* change = nullptr;
  if (!same) {
    PUMICE_ASSIGN(change, record_batch_change(batch));
  }
  PUMICE_ASSIGN(Lane* const lane, decode_lane(decode_form(batch, end)));
  PUMICE_ASSIGN(const uint64_t value, submit(*lane, change));
  for (const BatchMember& member : batch) row_readers_[member.slot] = value;
  if (change) {
    batch_slots_.clear();
    for (const BatchMember& member : batch) batch_slots_.push_back(member.slot);
  }
  return value;
}

Result<void> StepRecorder::wait_for_row(uint32_t slot) {
  PUMICE_ASSIGN([[maybe_unused]] const bool reached, model_->kernels().device().wait(row_readers_[slot]));
  return {};
}

void StepRecorder::settle_row(uint32_t slot) noexcept { model_->kernels().device().settle(row_readers_[slot]); }

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
