// The part of StepRecorder that checks guesses, and keeps logits for the host.
#include <algorithm>

#include "engine/step_recorder.h"
#include "shared/attention.h"

namespace pumice {

StepRecorder::Form StepRecorder::check_form(const Sequence& sequence, uint32_t guesses, StepEnd end) {
  return {Form::Kind::kCheck, guesses + 1, end, !sequence.adapters.scales.empty()};
}

void StepRecorder::record_check(Recorder recorder, const Form& form) {
  const vk::BufferView rows(check_rows_, 0, form.rows * sizeof(StepRow)), counts(check_arguments_);
  record_model(recorder, {.n = form.rows,
                          .one_sequence = false,
                          .step_rows = rows,
                          .decode_arguments = &counts,
                          .chained = true,
                          .first_logit = 0,
                          .logit_count = form.rows,
                          .adapters = form.adapted ? adapters() : nullptr});
  record_end(recorder, form.end, form.rows, {.step_rows = rows, .next_rows = checked_rows_});
}

Result<bool> StepRecorder::check_ready(const Sequence& sequence, uint32_t guesses, StepEnd end) {
  const Form form = check_form(sequence, guesses, end);
  if (!options_.record_each_step && replays_.contains(form)) return true;
  return pipelines_ready(form);
}

Result<uint64_t> StepRecorder::submit_check(const Sequence& sequence, std::span<const int32_t> guesses, StepEnd end) {
  const auto count = static_cast<uint32_t>(guesses.size()), last = static_cast<uint32_t>(sequence.tokens.size()) - 1;
  PUMICE_CHECK(count > 0 && count <= options_.guesses);
  auto* const rows = check_rows_.mapped_as<StepRow>();
  for (uint32_t i = 0; i <= count; ++i)
    rows[i] = {.token = static_cast<uint32_t>(i == 0 ? sequence.tokens[last] : guesses[i - 1]),
               .position = last + i,
               .slot = sequence.slot,
               .live = 1};
  const uint32_t groups[] = {count + 1, std::max(model_->spec().most_kv_heads(), 1u),
                             divide_up(last + count + 1, kAttentionDecodePages * kPageTokens)};
  std::ranges::copy(groups, check_arguments_.mapped_as<uint32_t>());
  PUMICE_ASSIGN(Lane* const lane, decode_lane(check_form(sequence, count, end)));
  PUMICE_ASSIGN(row_readers_[sequence.slot], submit(*lane));
  return row_readers_[sequence.slot];
}

Result<void> StepRecorder::keep_logits() {
  if (kept_logits_) return {};
  const uint64_t bytes = uint64_t{4} * row_stride(model_->spec().vocabulary) * (options_.batch() + 1);
  PUMICE_ASSIGN(kept_logits_, model_->kernels().device().create_buffer(bytes, vk::MemoryIntent::kReadback));
  return {};
}

std::span<const float> StepRecorder::kept_logits(uint32_t row) const {
  const uint32_t vocabulary = model_->spec().vocabulary;
  return {kept_logits_.mapped_as<float>() + uint64_t{row} * row_stride(vocabulary), vocabulary};
}

void StepRecorder::record_kept(Recorder recorder, uint32_t n, uint32_t row) {
  const FloatRows logits = logit_rows(n);
  const vk::BufferView to(kept_logits_, uint64_t{4} * row * logits.stride, logits.view.size);
  if (!recorder.list) recorder.stream.copy(logits.view, to);
}

}  // namespace pumice
