// layer_norm: y (n, cols) = (x - mean) / sqrt(variance + eps) * weight + bias. Source: Ba, Kiros and Hinton 2016.
#ifndef PUMICE_SHARED_LAYER_NORM_H
#define PUMICE_SHARED_LAYER_NORM_H
#include "types.h"

SHARED_BEGIN
struct LayerNormPush {
  uint cols, x_stride, y_stride;
  uint has_bias;
  float eps;
};
SHARED_CONST kLayerNormBindings = 4u;  // x, weight, bias, y
SHARED_END

#endif
