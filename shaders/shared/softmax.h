// softmax: y (n, cols) = softmax(x * scale) over the first valid columns of each row, 0 beyond.
#ifndef PUMICE_SHARED_SOFTMAX_H
#define PUMICE_SHARED_SOFTMAX_H
#include "types.h"

SHARED_BEGIN
struct SoftmaxPush {
  uint cols, valid, x_stride, y_stride;
  float scale;
};
SHARED_CONST kSoftmaxBindings = 2u;  // x, y
SHARED_END

#endif
