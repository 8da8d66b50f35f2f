// The part of StepRecorder that says what is ready, and records beside a host's frames.
#include <chrono>
#include <thread>
#include <utility>

#include "engine/step_recorder.h"

namespace pumice {

std::vector<PipelineKey> StepRecorder::list_pipelines(const Form& form) {
  RecordList list;
  vk::CommandStream nothing;
  const Recorder recorder{model_->kernels(), nothing, &list};
  switch (form.kind) {
    case Form::Kind::kSlice:
      record_slice(recorder, form, 0, slices_.front().rows);
      break;
    case Form::Kind::kDecode:
      record_decode_step(recorder, form);
      break;
    case Form::Kind::kCheck:
      record_check(recorder, form);
      break;
    case Form::Kind::kShift:
      record_shift(recorder, {.pages = 1});
      break;
  }
  return std::move(list.pipelines);
}

Result<bool> StepRecorder::pipelines_ready(const Form& form) {
  if (prepared_.contains(form)) return true;
  auto awaited = awaited_.find(form);
  if (awaited == awaited_.end()) awaited = awaited_.emplace(form, list_pipelines(form)).first;
  if (!model_->kernels().prepare(awaited->second)) return false;
  prepared_.insert(form);
  awaited_.erase(awaited);
  return true;
}

Result<bool> StepRecorder::slice_ready(const SlicePlan& plan, const Sequence& sequence, StepEnd end, bool ahead) {
  const Form form = slice_form(plan, sequence, end);
  const uint32_t slot = end == StepEnd::kNothing ? 0 : sequence.slot;
  Lane& lane = slice_lane(form, slot);
  PUMICE_ASSIGN(const bool free, finished(lane));
  if (!free || (ahead && lane.fresh)) return false;
  if (!records_beside() || keeps_states_ || !sequence.pictures.empty()) return pipelines_ready(form);
  return prepare_beside(lane, form, slot);
}

Result<bool> StepRecorder::decode_ready(std::span<const BatchMember> batch, StepEnd end) {
  const Form form = decode_form(batch, end);
  PUMICE_ASSIGN(bool free, finished(changes_[next_change_]));
  if (!free) return false;
  if (options_.record_each_step) {
    PUMICE_ASSIGN(free, finished(decodes_[next_decode_]));
    return free ? pipelines_ready(form) : Result<bool>(false);
  }
  const auto replay = replays_.find(form);
  if (replay == replays_.end() || (!replay->second.recorded && &replay->second != beside_lane_)) {
    return records_beside() ? prepare_beside(replays_[form], form, 0) : pipelines_ready(form);
  }
  Lane& lane = replay->second;
  if (lane.recorded && !outdated(lane)) return true;
  PUMICE_ASSIGN(free, finished(lane));
  return free && records_beside() ? prepare_beside(lane, form, 0) : Result<bool>(free);
}

Result<bool> StepRecorder::shift_ready() {
  PUMICE_ASSIGN(const bool free, row_ready());
  if (!free) return false;
  return pipelines_ready({.kind = Form::Kind::kShift});
}

// Of a host's frames: it can be submitted as it is.
bool StepRecorder::holds(const Lane& lane, const Form& form, uint32_t slot) const {
  return lane.recorded && lane.form == form && lane.slot == slot && in_frames();
}

// The lane that has it, if none of what it submitted is in flight; else the one that is next.
StepRecorder::Lane& StepRecorder::slice_lane(const Form& form, uint32_t slot) {
  for (Lane& lane : slices_) {
    const bool same = lane.form == form && lane.slot == slot && (lane.recorded || &lane == beside_lane_);
    const Result<bool> free = same ? finished(lane) : Result<bool>(false);
    if (free && *free) return lane;
  }
  return slices_[next_slice_];
}

// Whether the lane, of which nothing is in flight, has been recorded, or its caller has to do that; else the thread
// does it now, or is busy.
bool StepRecorder::prepare_beside(Lane& lane, const Form& form, uint32_t slot) {
  if (!beside_is_done()) return false;
  if (lane.failed) return lane.failed = false, true;
  if (holds(lane, form, slot) && !outdated(lane)) return true;
  if (!beside_) beside_ = std::make_unique<RecordThread>();
  lane.recorded = false;
  lane.form = form;
  lane.slot = slot;
  lane.parting = parting_;
  lane.failed = lane.fresh = true;  // until it has been recorded
  beside_lane_ = &lane;
  if (beside_->begin([this] { record_beside(*beside_lane_); })) return false;
  beside_lane_ = nullptr;
  return lane.failed = false, true;
}

// On the thread; false: it is to stop.
bool StepRecorder::await_pipelines(const Form& form) {
  constexpr std::chrono::milliseconds kLook(1);
  if (prepared_beside_.contains(form)) return true;
  const std::vector<PipelineKey> keys = list_pipelines(form);
  while (!model_->kernels().prepare(keys)) {
    if (beside_->stopping()) return false;
    std::this_thread::sleep_for(kLook);
  }
  prepared_beside_.insert(form);
  return true;
}

// On the thread. What goes wrong is told by the one who records it again.
void StepRecorder::record_beside(Lane& lane) noexcept {
  try {
    if (!await_pipelines(lane.form)) return;
    if (!lane.stream) {
      Result<vk::CommandStream> made = vk::CommandStream::create(model_->kernels().device(), options_.profile);
      if (!made) return;
      lane.stream = std::move(*made);
    }
    lane.stream.begin(lane.parting);
    const Recorder recorder{model_->kernels(), lane.stream};
    if (lane.form.kind == Form::Kind::kSlice)
      record_slice(recorder, lane.form, lane.slot, lane.rows);
    else
      record_decode_step(recorder, lane.form);
    lane.failed = !lane.stream.end().ok();
  } catch (...) {
  }
}

// Takes over what the thread has done.
bool StepRecorder::beside_is_done() {
  if (!beside_lane_) return true;
  if (!beside_->idle()) return false;
  Lane& lane = *std::exchange(beside_lane_, nullptr);
  lane.recorded = !lane.failed;
  ++recordings_;
  if (lane.form.kind == Form::Kind::kDecode && lane.recorded)
    dispatches_ = lane.form.end == StepEnd::kDraw ? dispatches_ + lane.stream.dispatches() : lane.stream.dispatches();
  return true;
}

void StepRecorder::settle_beside() {
  if (!beside_lane_) return;
  beside_->wait();
  beside_is_done();
}

}  // namespace pumice
