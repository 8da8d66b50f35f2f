#include "engine/evaluation.h"

#include <algorithm>
#include <cmath>

#include "engine/finite.h"

namespace pumice {
namespace {

// Tokens that are appended to a sequence; unless they are kept, it becomes what it was.
class Appended {
 public:
  Appended(SequencePages& pages, Sequence& sequence, std::span<const int32_t> ids)
      : pages_(pages), sequence_(sequence), before_(static_cast<uint32_t>(sequence.tokens.size())) {
    sequence.tokens.insert(sequence.tokens.end(), ids.begin(), ids.end());
  }
  Appended(const Appended&) = delete;
  Appended& operator=(const Appended&) = delete;
  ~Appended() {
    if (kept_) return;
    pages_.wait_for_steps(sequence_);
    sequence_.tokens.resize(before_);
    sequence_.limit_computed(before_);
    pages_.release(sequence_, sequence_.computed);
  }
  uint32_t before() const { return before_; }  // tokens of the sequence
  void keep() { kept_ = true; }

 private:
  SequencePages& pages_;
  Sequence& sequence_;
  uint32_t before_;
  bool kept_ = false;
};

}  // namespace

Result<void> Evaluation::evaluate(Sequence& sequence, std::span<const int32_t> ids, std::span<float> logits) {
  Appended appended(pages_, sequence, ids);
  if (!caches_) sequence.limit_computed(0);
  PUMICE_TRY(take_pages(sequence, true));
  PUMICE_TRY(pages_.fetch_now(sequence));
  PUMICE_TRY(compute(sequence));
  const std::span<const float> row(recorder_.logits(), model_.spec().vocabulary);
  if (!finite(row)) return not_finite(model_);
  sequence.verified = sequence.computed;
  pages_.seal(sequence);
  appended.keep();
  std::copy_n(row.begin(), std::min(logits.size(), row.size()), logits.begin());
  cache_.maintain();
  return {};
}

// For all of its tokens.
Result<void> Evaluation::take_pages(Sequence& sequence, bool reuse) {
  const auto total = static_cast<uint32_t>(sequence.tokens.size());
  PUMICE_ASSIGN(const bool entered, pages_.enter(sequence, reuse));
  if (!entered) return no_room(total);
  PUMICE_TRY(pages_.reserve_all(sequence, total));
  sequence.parked.reset();
  return {};
}

Result<void> Evaluation::compute(Sequence& sequence) {
  const auto total = static_cast<uint32_t>(sequence.tokens.size());
  uint64_t value = 0;
  while (sequence.computed < total) {
    const SlicePlan plan = prefill_.next(sequence, sequence.computed);
    PUMICE_ASSIGN(value, prefill_.submit(sequence, plan, StepEnd::kLogits));
    sequence.computed += plan.count;
  }
  PUMICE_ASSIGN(const bool reached, model_.kernels().device().wait(value));
  PUMICE_CHECK(reached);
  return {};
}

Result<void> Evaluation::check_targets(const ScoreArgs& args) const {
  if (args.targets.size() != args.ids.size() ||
      (!args.log_probabilities.empty() && args.log_probabilities.size() != args.ids.size()))
    return error(Status::kInvalidArgument, "there must be one target and one log-probability for each of %zu tokens",
                 args.ids.size());
  for (const int32_t target : args.targets)
    if (target >= 0 && static_cast<uint32_t>(target) >= model_.spec().vocabulary)
      return error(Status::kInvalidArgument, "target %d is outside the vocabulary of %u", target,
                   model_.spec().vocabulary);
  return {};
}

Result<void> Evaluation::score(Sequence& sequence, const ScoreArgs& args) {
  PUMICE_TRY(check_targets(args));
  if (!logit_reader_) {
    PUMICE_ASSIGN(logit_reader_, LogitReader::create(model_, recorder_.workspace()));
  }
  Appended appended(pages_, sequence, args.ids);
  PUMICE_TRY(take_pages(sequence, false));
  PUMICE_TRY(score_slices(sequence, args, appended.before()));
  appended.keep();
  return {};
}

// `before`: tokens of the sequence before args.ids.
Result<void> Evaluation::score_slices(Sequence& sequence, const ScoreArgs& args, uint32_t before) {
  struct Pending {
    TargetRun run;
    size_t block;
  };
  std::optional<Pending> pending;
  const auto deliver_pending = [&]() -> Result<void> {
    if (!pending) return {};
    PUMICE_ASSIGN(const float* const logits, logit_reader_->wait(pending->block));
    const LogitRows rows{pending->run.first, pending->run.count, logits, logit_reader_->stride()};
    PUMICE_TRY(deliver_rows(args, rows));
    sequence.verified = std::max(sequence.verified, before + static_cast<uint32_t>(rows.first + rows.count));
    return {};
  };
  if (!caches_) sequence.limit_computed(0);
  const LogitReader::Adapted adapted{.adapters = sequence.adapters.scales.empty() ? nullptr : recorder_.adapters(),
                                     .slot = sequence.slot};
  const auto total = static_cast<uint32_t>(sequence.tokens.size());
  uint64_t value = 0;
  while (sequence.computed < total) {
    const SlicePlan plan = prefill_.next(sequence, sequence.computed);
    PUMICE_ASSIGN(value, prefill_.submit(sequence, plan, StepEnd::kNothing));
    sequence.computed += plan.count;
    if (sequence.computed <= before) continue;
    const size_t end = sequence.computed - before;
    TargetRun run{plan.first < before ? 0 : plan.first - before, 0};
    while ((run = next_target_run(args.targets, run.first + run.count, end, logit_reader_->rows())).count > 0) {
      const auto row = static_cast<uint32_t>(run.first) + before - plan.first;
      PUMICE_ASSIGN(const size_t block, logit_reader_->submit(row, static_cast<uint32_t>(run.count), adapted));
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

Result<void> Evaluation::deliver_rows(const ScoreArgs& args, const LogitRows& rows) const {
  for (size_t i = 0; i < rows.count; ++i) {
    const std::span<const float> logits(rows.logits + i * rows.stride, model_.spec().vocabulary);
    if (!finite(logits)) return not_finite(model_);
    if (args.log_probabilities.empty()) continue;
    const auto target = static_cast<size_t>(args.targets[rows.first + i]);
    args.log_probabilities[rows.first + i] =
        static_cast<float>(static_cast<double>(logits[target]) - log_sum_exp(logits));
  }
  if (args.on_rows && !args.on_rows(rows)) return error(Status::kCancelled, "scoring was cancelled by its callback");
  return {};
}

}  // namespace pumice
