#include "engine/prefill.h"

#include <algorithm>

namespace pumice {

Prefill::Prefill(const ContextPlan& plan, KvCache& cache, SequencePages& pages, Sampling& sampling,
                 StepRecorder& recorder, ContextStats& stats, PictureEncoder* encoder)
    : options_(plan.options),
      cache_(cache),
      pages_(pages),
      sampling_(sampling),
      recorder_(recorder),
      stats_(stats),
      encoder_(encoder),
      slice_(options_.prefill_slice ? options_.prefill_slice : std::min(plan.highest_slice, 128u)),
      highest_slice_(plan.highest_slice) {}

SlicePlan Prefill::next(const Sequence& sequence, uint32_t computed) const {
  // In a host's frames a part of a slice is what they have time for.
  const uint32_t slice = recorder_.in_frames() && options_.prefill_slice == 0 ? kPageTokens : slice_;
  const auto total = static_cast<uint32_t>(sequence.tokens.size());
  const SlicePlan plan = plan_slice(computed, total, slice);
  return sequence.whole_pictures ? keep_pictures_whole(plan, sequence.pictures, total) : plan;
}

Result<uint64_t> Prefill::submit(Sequence& sequence, const SlicePlan& plan, StepEnd end) {
  const StepEnd now = plan.last ? end : StepEnd::kNothing;
  PUMICE_TRY(pages_.prepare(sequence, plan.first, plan.count));
  const std::vector<StateMark> marks =
      cache_.plan_snapshots(sequence.kv, plan.first, plan.count, static_cast<uint32_t>(sequence.tokens.size()));
  PUMICE_ASSIGN(const std::vector<SlicePicture> pictures, pictures_of(plan, sequence.pictures, encoder_));
  PUMICE_ASSIGN(const uint64_t value, recorder_.submit_slice(plan, sequence, now, marks, pictures));
  sequence.state_at = plan.first + plan.count;
  stats_.prefill_tokens += plan.count;
  ++stats_.submissions;
  return value;
}

Result<void> Prefill::schedule(Request& request) {
  Sequence& sequence = *request.sequence;
  const auto total = static_cast<uint32_t>(sequence.tokens.size());
  const StepEnd end = end_of(request.params);
  if (sequence.keeps_logits) PUMICE_TRY(recorder_.keep_logits());
  while (request.scheduled < total) {
    // One slice at a time while their size is being adapted, so that its time is its own.
    const size_t most = options_.prefill_slice ? 2 : 1;
    const bool ahead = request.in_flight.size() >= most;
    if (ahead && !recorder_.in_frames()) return {};
    const SlicePlan plan = next(sequence, request.scheduled);
    PUMICE_ASSIGN(const bool ready,
                  recorder_.slice_ready(plan, sequence, plan.last ? end : StepEnd::kNothing, ahead));
    if (ahead || !ready) return {};
    if (plan.last) PUMICE_TRY(sampling_.mask(request));
    PUMICE_ASSIGN(const uint64_t value, submit(sequence, plan, end));
    const bool draws = plan.last && total < options_.context_tokens;
    request.in_flight.push_back({.value = value,
                                 .log_position = draws ? total : 0,
                                 .prefilled = plan.count,
                                 .kept_row = recorder_.slice_row(),
                                 .submitted = std::chrono::steady_clock::now()});
    request.scheduled += plan.count;
    if (!plan.last) continue;
    if (!options_.disable_kv_cache) request.phase = RequestPhase::kDecode;
    request.drawn = total + 1;
    request.checked = request.held_back = false;
    ++request.draws;
    if (!draws) request.end(RequestStatus::kFinishedContext);
  }
  return {};
}

void Prefill::collected(Request& request, const InFlight& slice) {
  const double took_ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - slice.submitted).count();
  request.ready += slice.prefilled;
  const uint32_t left = request.prompt_end - std::min(request.prompt_end, request.ready);
  request.prompt_done = std::max(request.prompt_done, request.prompt_tokens - std::min(request.prompt_tokens, left));
  if (recorder_.in_frames()) return;  // the time is the host's frames'
  cache_.computed_prompt(slice.prefilled, took_ms / 1e3);
  if (options_.prefill_slice == 0)
    slice_ = adapt_slice(slice_, slice.prefilled, took_ms, kSliceBudgetMs, highest_slice_);
}

}  // namespace pumice
