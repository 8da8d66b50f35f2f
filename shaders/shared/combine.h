// combine: y (n, cols) = the sum over j of weight(i, j) * x(used * i + j), by the choices of route.h, or y += that.
#ifndef PUMICE_SHARED_COMBINE_H
#define PUMICE_SHARED_COMBINE_H
#include "types.h"

SHARED_BEGIN
struct CombinePush {
  uint cols, used;
  uint x_stride, y_stride;  // in floats
  uint accumulate;          // 1: y += instead of y =
  float factor;             // of the sum
};
SHARED_CONST kCombineBindings = 3u;  // x (n * used, cols), choices, y
SHARED_CONST kCombineWorkgroup = 64u;
SHARED_END

#endif
