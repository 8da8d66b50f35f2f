// sample: draws the next token, or kTokenNotFinite, on the device: biases, penalties, top-k, top-p, min-p, temperature,
// Gumbel-max; tests/reference/sample.h is the same in plain C++. A row of dispatches of the same workgroups, each one
// pass over the vocabulary, whose last workgroup decides what the next looks for: a workgroup takes kSampleCols columns
// of a row. Sources: Holtzman et al. 2020 (top-p), Nguyen et al. 2024 (min-p), Keskar et al. 2019 (repetition penalty),
// Jarzynski and Olano 2020 (pcg4d).
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
  uint stage;          // kSample…
  uint mask_words;     // of a slot, a bit for each token
};
// The dispatches. Top-k and top-p find their thresholds by radix selection: 11, 11 and 10 bits of the key from the top.
SHARED_CONST kSamplePenalties = 0u;  // and the highest logit
SHARED_CONST kSampleTopK = 1u;       // and 2, 3
SHARED_CONST kSampleTotal = 4u;      // of the probabilities that top-k left
SHARED_CONST kSampleTopP = 5u;       // and 6, 7
SHARED_CONST kSampleDraw = 8u;
SHARED_CONST kSampleStages = 9u;

SHARED_CONST kSampleBins = 2048u;
SHARED_CONST kSampleCols = 2048u;
// What a dispatch leaves to the next of the row. `arrivals` and `bins` are 0 between dispatches.
struct SampleState {
  float highest;        // logit
  float inverse_total;  // of exp(logit - highest)
  uint key;             // that a token must reach to be drawn; kSampleNone: the row has been committed
  uint prefix;          // of the key that is looked for: the bits found so far
  uint rest;            // weight that tokens with these bits are to bring; 0: nothing is looked for
  uint arrivals;
  uint bins[kSampleBins];
};
SHARED_CONST kSampleNone = 0xffffffffu;
// logits, step rows, next rows, token log, attention arguments, samplers, states, finds, masks
SHARED_CONST kSampleBindings = 9u;
SHARED_END

#endif
