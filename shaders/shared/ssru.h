// ssru: the simpler simple recurrent unit of one token of each of several sequences: c = f c + (1 - f) x with
// f = sigmoid(g), then y += max(c, 0), column by column; x and g are neighbouring halves of a row. What c was is read
// at the place of the row's parent, 0 where the row has position 0, and left at the row's own.
// Source: Kim et al. 2019 (From Research to Production and Back: Ludicrously Fast Neural Machine Translation).
#ifndef PUMICE_SHARED_SSRU_H
#define PUMICE_SHARED_SSRU_H
#include "types.h"

SHARED_BEGIN
struct SsruPush {
  uint n, cols;
  uint x_stride, y_stride, state_stride;  // in floats
  uint from, to;                          // first places that are read and written
};
SHARED_CONST kSsruBindings = 5u;  // x (n, 2 cols), step rows, parents (n), states, y (n, cols)
SHARED_CONST kSsruWorkgroup = 64u;
SHARED_END

#endif
