// Scoring.
#include "engine/score.h"

#include "api/handles.h"

using namespace pumice;

extern "C" {

PumiceResult pumice_sequence_score(PumiceSequence* sequence, const PumiceScoreOptions* options) {
  if (!sequence) return PUMICE_INVALID_ARGUMENT;
  return guarded(sequence->object, [&](SequenceObject& object) -> Result<void> {
    PUMICE_ASSIGN(const PumiceScoreOptions given, taken(options, pumice_score_options_init(), "options"));
    if (!given.ids || !given.targets) return invalid("ids or targets");
    ScoreArgs args{.ids = {given.ids, given.count}, .targets = {given.targets, given.count}};
    if (given.log_probabilities) args.log_probabilities = {given.log_probabilities, given.count};
    if (given.on_logits)
      args.on_rows = [&](const LogitRows& rows) {
        return given.on_logits(given.on_logits_user, rows.first, rows.count, rows.logits, rows.stride) == 0;
      };
    return object.context->context->score(*object.sequence, args);
  });
}

}  // extern "C"
