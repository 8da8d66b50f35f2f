// activation: y (n, cols) = act(gate), times up when gated. Sources: Hendrycks and Gimpel 2016 (GELU), Shazeer 2020
// (GLU variants), So et al. 2021 (squared ReLU), Bello et al. 2016 (soft caps).
#ifndef PUMICE_SHARED_ACTIVATION_H
#define PUMICE_SHARED_ACTIVATION_H
#include "types.h"

SHARED_BEGIN
struct ActivationPush {
  uint n, cols;
  uint gate_stride, up_stride, y_stride;  // in floats
  uint gate_first;                        // the first column of gate
  uint kind;                              // kActivation…
  uint gated;                             // 1: times up
  float limit;                            // of kActivationSoftcap and kActivationClamped
};
SHARED_CONST kActivationSilu = 0u;
SHARED_CONST kActivationGelu = 1u;  // the tanh approximation
SHARED_CONST kActivationSquaredRelu = 2u;
SHARED_CONST kActivationSoftcap = 3u;  // limit * tanh(x / limit)
SHARED_CONST kActivationClamped = 4u;  // gated: g sigmoid(1.702 g) (u + 1), g <= limit, -limit <= u <= limit
SHARED_CONST kActivationSigmoid = 5u;
SHARED_CONST kActivationBindings = 3u;  // gate, up, y
SHARED_CONST kActivationWorkgroup = 64u;
SHARED_END

#endif
