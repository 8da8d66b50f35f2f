// activation: y (n, cols) = act(gate), times up when gated; one value of the gate may be for several columns. Sources:
// Hendrycks and Gimpel 2016 (GELU), Shazeer 2020 (GLU variants), So et al. 2021 (squared ReLU), Bello et al. 2016 (soft
// caps).
#ifndef PUMICE_SHARED_ACTIVATION_H
#define PUMICE_SHARED_ACTIVATION_H
#include "types.h"

SHARED_BEGIN
struct ActivationPush {
  uint n, cols;
  uint gate_stride, up_stride, y_stride;  // in floats
  uint gate_column, up_column;            // the first of each
  uint gate_share;                        // columns of y that take one of the gate
  uint kind;                              // kActivation…
  uint gated;                             // 1: times up
  float limit;    // of kActivationSoftcap, kActivationClamped, kActivationClip, kActivationLimited and kActivationRange
  float lowest;   // of kActivationRange
  uint y_column;  // the first
};
SHARED_CONST kActivationSilu = 0u;
SHARED_CONST kActivationGelu = 1u;  // the tanh approximation
SHARED_CONST kActivationSquaredRelu = 2u;
SHARED_CONST kActivationSoftcap = 3u;  // limit * tanh(x / limit)
SHARED_CONST kActivationClamped = 4u;  // gated: g sigmoid(1.702 g) (u + 1), g <= limit, -limit <= u <= limit
SHARED_CONST kActivationClip = 5u;     // -limit <= x <= limit
SHARED_CONST kActivationSigmoid = 6u;
SHARED_CONST kActivationSoftplus = 7u;
SHARED_CONST kActivationRelu = 8u;
SHARED_CONST kActivationGeluErf = 9u;     // 0.5 x (1 + erf(x / sqrt(2)))
SHARED_CONST kActivationGeluQuick = 10u;  // x sigmoid(1.702 x)
SHARED_CONST kActivationSoftplus2 = 11u;  // log2(1 + 2^x)
SHARED_CONST kActivationLimited = 12u;    // gated: silu(g) u, g <= limit, -limit <= u <= limit
SHARED_CONST kActivationRange = 13u;      // lowest <= x <= limit
SHARED_CONST kActivationBindings = 3u;    // gate, up, y
SHARED_CONST kActivationWorkgroup = 64u;
SHARED_END

#endif
