// The part of Context that scores texts.
#include "engine/score.h"

#include <algorithm>
#include <cmath>

#include "engine/context.h"

namespace pumice {

double log_sum_exp(std::span<const float> logits) {
  const double peak = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - peak);
  return peak + std::log(sum);
}

TargetRun next_target_run(std::span<const int32_t> targets, size_t from, size_t end, size_t most) {
  while (from < end && targets[from] < 0) ++from;
  TargetRun run{from, 0};
  while (run.count < most && from + run.count < end && targets[from + run.count] >= 0) ++run.count;
  return run;
}

Result<void> Context::score(Sequence& sequence, const ScoreArgs& args) {
  PUMICE_TRY(check_tokens(sequence, args.ids));
  if (args.targets.size() != args.ids.size() ||
      (!args.log_probabilities.empty() && args.log_probabilities.size() != args.ids.size()))
    return error(Status::kInvalidArgument, "there must be one target and one log-probability for each of %zu tokens",
                 args.ids.size());
  for (const int32_t target : args.targets)
    if (target >= 0 && static_cast<uint32_t>(target) >= model_.config().vocabulary)
      return error(Status::kInvalidArgument, "target %d is outside the vocabulary of %u", target,
                   model_.config().vocabulary);
  if (!logit_reader_) {
    PUMICE_ASSIGN(logit_reader_, LogitReader::create(model_, recorder_.workspace()));
  }
  const auto before = static_cast<uint32_t>(sequence.tokens.size());
  PUMICE_TRY(enter(sequence, false));
  PUMICE_TRY(reserve_all(sequence, before + static_cast<uint32_t>(args.ids.size())));
  PUMICE_TRY(cache_->scrub());
  sequence.tokens.insert(sequence.tokens.end(), args.ids.begin(), args.ids.end());
  Result<void> scored = score_slices(sequence, args, before);
  if (!scored) PUMICE_TRY(truncate(sequence, before));  // as it was
  return scored;
}

// `before`: tokens of the sequence before args.ids.
Result<void> Context::score_slices(Sequence& sequence, const ScoreArgs& args, uint32_t before) {
  struct Pending {
    TargetRun run;
    size_t block;
  };
  std::optional<Pending> pending;
  const auto deliver_pending = [&]() -> Result<void> {
    if (!pending) return {};
    PUMICE_ASSIGN(const float* const logits, logit_reader_->wait(pending->block));
    return deliver_rows(args, {.first = pending->run.first,
                               .count = pending->run.count,
                               .logits = logits,
                               .stride = logit_reader_->stride()});
  };
  if (options_.disable_kv_cache) sequence.computed = 0;
  const auto total = static_cast<uint32_t>(sequence.tokens.size());
  uint64_t value = 0;
  while (sequence.computed < total) {
    const SlicePlan plan = plan_slice(sequence.computed, total, slice_);
    PUMICE_ASSIGN(value, recorder_.submit_slice(plan, sequence.tokens, sequence.slot, StepEnd::kNothing));
    sequence.computed += plan.count;
    stats_.prefill_tokens += plan.count;
    ++stats_.submissions;
    if (sequence.computed <= before) continue;
    const size_t end = sequence.computed - before;
    TargetRun run{plan.first < before ? 0 : plan.first - before, 0};
    while ((run = next_target_run(args.targets, run.first + run.count, end, logit_reader_->rows())).count > 0) {
      const auto row = static_cast<uint32_t>(run.first) + before - plan.first;
      PUMICE_ASSIGN(const size_t block, logit_reader_->submit(row, static_cast<uint32_t>(run.count)));
      ++stats_.submissions;
      PUMICE_TRY(deliver_pending());  // while this one runs
      pending = {run, block};
    }
  }
  PUMICE_TRY(deliver_pending());
  PUMICE_ASSIGN(const bool reached, model_.kernels().device().wait(value));
  PUMICE_CHECK(reached);
  return {};
}

Result<void> Context::deliver_rows(const ScoreArgs& args, const LogitRows& rows) const {
  for (size_t i = 0; i < rows.count && !args.log_probabilities.empty(); ++i) {
    const std::span<const float> logits(rows.logits + i * rows.stride, model_.config().vocabulary);
    const auto target = static_cast<size_t>(args.targets[rows.first + i]);
    args.log_probabilities[rows.first + i] =
        static_cast<float>(static_cast<double>(logits[target]) - log_sum_exp(logits));
  }
  if (args.on_rows && !args.on_rows(rows)) return error(Status::kCancelled, "scoring was cancelled by its callback");
  return {};
}

}  // namespace pumice
