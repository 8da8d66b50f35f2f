// What changes from step to step and lives in device buffers, never in push constants.
#ifndef PUMICE_SHARED_STEP_PARAMS_H
#define PUMICE_SHARED_STEP_PARAMS_H
#include "types.h"

SHARED_BEGIN
// One token that a step computes. A row whose `live` is 0 is computed like any other (into its own place), but its
// result is not committed: the sequence has ended.
struct StepRow {
  uint token;
  uint position;
  uint slot;  // which row of the page table, token log and sampler table is the sequence's
  uint live;
  uint turn SHARED_ZERO;  // what is added to the position where heads are rotated, modulo 2^32
  uint grid SHARED_ZERO;  // of a picture's row: its row (low half) and column there, which other axes add to that
};

SHARED_CONST kPageTokens = 32u;
SHARED_CONST kMaxStopTokens = 8u;
// What is drawn from logits that have NaN or +infinity, or nothing finite (-infinity alone is legal: a masked token).
// The sequence ends there: no table has such a row, and no step after it is committed.
SHARED_CONST kTokenNotFinite = 0xffffffffu;

// Added to the logit of a token.
struct TokenBias {
  uint token;
  float value;
};
SHARED_CONST kMaxBiases = 512u;

// How the next token of a sequence is drawn; one for each slot.
struct SamplerParams {
  float temperature;  // <= 0: greedy
  float top_p;
  float min_p;
  float repeat_penalty;
  float frequency_penalty;
  float presence_penalty;
  uint top_k;
  uint penalty_window;
  uint seed_low;
  uint seed_high;
  uint stop_count;
  uint masked;  // 1: only tokens whose bit the slot's mask has are drawn
  uint stop_tokens[kMaxStopTokens];
  uint bias_count;
  TokenBias biases[kMaxBiases];
};
SHARED_END

#endif
