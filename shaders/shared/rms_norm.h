// rms_norm: y (n, cols) = x * weight / sqrt(mean(x^2) + eps). Source: Zhang and Sennrich 2019.
#ifndef PUMICE_SHARED_RMS_NORM_H
#define PUMICE_SHARED_RMS_NORM_H
#include "types.h"

SHARED_BEGIN
struct RmsNormPush {
  uint cols, x_stride, y_stride;
  float eps;
};
SHARED_CONST kRmsNormBindings = 3u;  // x, weight, y
SHARED_END

#endif
