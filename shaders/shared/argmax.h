// argmax: the token with the highest logit (the lowest of equals), or kTokenNotFinite, committed to the next step. Many
// workgroups for each row of logits; the last to finish compares their finds.
#ifndef PUMICE_SHARED_ARGMAX_H
#define PUMICE_SHARED_ARGMAX_H
#include "types.h"

SHARED_BEGIN
SHARED_END
#include "commit.h"
SHARED_BEGIN
struct ArgmaxPush {
  CommitPush commit;
  uint cols;            // the vocabulary
  uint cols_per_group;
  uint logits_stride;   // in floats
};
// logits, finds, counter, step rows, next rows, token log, attention arguments, samplers
SHARED_CONST kArgmaxBindings = 8u;
SHARED_END

#endif
