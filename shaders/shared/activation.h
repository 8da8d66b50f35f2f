// activation: y (n, cols) = act(gate), times up when gated. Sources: Hendrycks and Gimpel 2016 (GELU), Shazeer 2020
// (GLU variants).
#ifndef PUMICE_SHARED_ACTIVATION_H
#define PUMICE_SHARED_ACTIVATION_H
#include "types.h"

SHARED_BEGIN
struct ActivationPush {
  uint n, cols;
  uint gate_stride, up_stride, y_stride;  // in floats
  uint gelu;   // 0: silu
  uint gated;  // 1: times up
};
SHARED_CONST kActivationBindings = 3u;  // gate, up, y
SHARED_CONST kActivationWorkgroup = 64u;
SHARED_END

#endif
