// The end of a step: where a drawn token goes. Used by argmax and sample.
#ifndef PUMICE_SHARED_COMMIT_H
#define PUMICE_SHARED_COMMIT_H
#include "types.h"

SHARED_BEGIN
struct CommitPush {
  uint source_row;       // of the step rows: the first token whose logits were computed
  uint target_row;       // of the next step's rows: where the first is committed to
  uint log_stride;       // tokens of a slot in the token log
  uint tokens_per_split; // of decode attention, for its indirect group count
};
SHARED_END

#endif
