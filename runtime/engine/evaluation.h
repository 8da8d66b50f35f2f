// Evaluation: what the model makes of given tokens, as one call that waits.
//
// Thread rule: that of its context.
#pragma once

#include <optional>

#include "engine/logit_reader.h"
#include "engine/prefill.h"
#include "engine/score.h"

namespace pumice {

class Evaluation {
 public:
  // All of them outlive it.
  Evaluation(const Model& model, KvCache& cache, SequencePages& pages, Prefill& prefill, StepRecorder& recorder,
             ContextStats& stats, bool caches)
      : model_(model),
        cache_(cache),
        pages_(pages),
        prefill_(prefill),
        recorder_(recorder),
        stats_(stats),
        caches_(caches) {}

  // Appends checked ids to an idle sequence and writes the logits after the last one. A failure leaves the tokens as
  // they were.
  Result<void> evaluate(Sequence& sequence, std::span<const int32_t> ids, std::span<float> logits);
  // Appends checked ids and delivers what the model makes of the targets. A failure leaves the tokens as they were.
  Result<void> score(Sequence& sequence, const ScoreArgs& args);

 private:
  Result<void> take_pages(Sequence& sequence, bool reuse);
  Result<void> compute(Sequence& sequence);
  Result<void> check_targets(const ScoreArgs& args) const;
  Result<void> score_slices(Sequence& sequence, const ScoreArgs& args, uint32_t before);
  Result<void> deliver_rows(const ScoreArgs& args, const LogitRows& rows) const;

  const Model& model_;
  KvCache& cache_;
  SequencePages& pages_;
  Prefill& prefill_;
  StepRecorder& recorder_;
  ContextStats& stats_;
  bool caches_;
  std::optional<LogitReader> logit_reader_;  // made by the first score()
};

}  // namespace pumice
