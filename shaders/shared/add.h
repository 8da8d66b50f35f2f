// add: y (n, cols) = a + b.
#ifndef PUMICE_SHARED_ADD_H
#define PUMICE_SHARED_ADD_H
#include "types.h"

SHARED_BEGIN
struct AddPush {
  uint n, cols, a_stride, b_stride, y_stride;
};
SHARED_CONST kAddBindings = 3u;  // a, b, y
SHARED_CONST kAddWorkgroup = 64u;
SHARED_END

#endif
