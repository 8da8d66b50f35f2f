// Scoring.
#include "engine/score.h"

#include "api/handles.h"

using namespace pumice;

extern "C" {

PumiceResult pumice_sequence_score(PumiceSequence* sequence, const PumiceScoreOptions* options) {
  if (!sequence) return PUMICE_INVALID_ARGUMENT;
  ContextObject& context = *sequence->object->context;
  return guarded(context, [&]() -> Result<void> {
    if (!usable(options) || !options->ids || !options->targets) return invalid("options, ids or targets");
    ScoreArgs args{.ids = {options->ids, options->count}, .targets = {options->targets, options->count}};
    if (options->log_probabilities) args.log_probabilities = {options->log_probabilities, options->count};
    if (options->on_logits)
      args.on_rows = [options](const LogitRows& rows) {
        return options->on_logits(options->on_logits_user, rows.first, rows.count, rows.logits, rows.stride) == 0;
      };
    return context.context->score(*sequence->object->sequence, args);
  });
}

}  // extern "C"
