// short_conv: y (n, cols) = act(bias + the sum over j < taps of w(col, j) u(i - taps + 1 + j)): each column of u is
// convolved over the tokens of a sequence. u = x, or gate x with y times a second gate. What came before the first row
// is in the sequence's state, which is 0 where the row has position 0, and of the last row afterwards.
//
// Rows are consecutive tokens of one sequence, or one token of each of several. A state: (kConvMostTaps - 1, cols)
// floats, the first of its sequence's; a row that is not live leaves it as it was. The states after rows snapshot_after
// are also written to other places. Sources: Gu and Dao 2023 (Mamba); Liquid AI 2025 (LFM2: gates).
#ifndef PUMICE_SHARED_SHORT_CONV_H
#define PUMICE_SHARED_SHORT_CONV_H
#include "states.h"
#include "types.h"

SHARED_BEGIN
struct ShortConvPush {
  uint n, cols;
  uint x_stride, y_stride;          // in floats
  uint x_first;                     // columns of x: of x, or of gate, the second gate and x, cols each
  uint state_stride;                // in floats, from a sequence's state to the next
  uint one_sequence, gated, activated;  // 0 or 1
  uint snapshot_after[kMostSnapshots];  // rows; kNoSnapshot: none
  uint snapshot[kMostSnapshots];        // places among the states
};
SHARED_CONST kConvMostTaps = 4u;  // of a weight's row; fewer have zeros before them
SHARED_CONST kShortConvBindings = 6u;  // x, weight (cols, kConvMostTaps), bias (cols), step_rows, states, y
SHARED_CONST kShortConvWorkgroup = 64u;
SHARED_END

#endif
