// sample: draws the next token, or kTokenNotFinite, on the device: penalties, top-k, top-p, min-p, temperature,
// Gumbel-max; tests/reference/sample.h is the same in plain C++. One workgroup a row. Sources: Holtzman et al. 2020
// (top-p), Nguyen et al. 2024 (min-p), Keskar et al. 2019 (repetition penalty), Jarzynski and Olano 2020 (pcg4d).
#ifndef PUMICE_SHARED_SAMPLE_H
#define PUMICE_SHARED_SAMPLE_H
#include "types.h"

SHARED_BEGIN
SHARED_END
#include "commit.h"
SHARED_BEGIN
struct SamplePush {
  CommitPush commit;
  uint cols;           // the vocabulary
  uint logits_stride;  // in floats
};
// logits, step rows, next rows, token log, attention arguments, samplers, counts
SHARED_CONST kSampleBindings = 7u;
SHARED_END

#endif
