// rms_norm: y (n, segments * cols) = x * weight / sqrt(mean(x^2) + eps) for each segment of a row, or y += that. x and
// y may be the same. Centred, it is a layer norm: the mean is taken from x first, and a bias added. All segments have
// one weight, or each its own.
// Sources: Zhang and Sennrich 2019; Ba et al. 2016.
#ifndef PUMICE_SHARED_RMS_NORM_H
#define PUMICE_SHARED_RMS_NORM_H
#include "types.h"

SHARED_BEGIN
struct RmsNormPush {
  uint cols;                // of a segment
  uint x_stride, y_stride;  // in floats
  uint first_column;        // of x and of y
  uint accumulate;          // 1: y += instead of y =
  uint centred, biased;
  uint weight_stride;  // from a segment's to the next; 0: all have one
  float eps;
  float factor;  // of y, what it was included
};
SHARED_CONST kRmsNormBindings = 4u;  // x, weight, y, bias
SHARED_END

#endif
