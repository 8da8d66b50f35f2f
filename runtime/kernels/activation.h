// activation: y (n, cols) = act(gate), times up when given.
#pragma once

#include "kernels/kernels.h"
#include "shared/activation.h"

namespace pumice {

enum class Activation : uint32_t {
  kSilu = kActivationSilu,
  kGelu = kActivationGelu,
  kSquaredRelu = kActivationSquaredRelu,
  kSoftcap = kActivationSoftcap,
  kClamped = kActivationClamped,
  kClip = kActivationClip,
  kSigmoid = kActivationSigmoid,
  kSoftplus = kActivationSoftplus,
  kRelu = kActivationRelu,
  kGeluErf = kActivationGeluErf,
  kGeluQuick = kActivationGeluQuick,
  kSoftplus2 = kActivationSoftplus2,
  kLimited = kActivationLimited,
  kRange = kActivationRange
};

struct ActivationArgs {
  FloatRows gate;                 // (n, gate_column + cols / gate_share)
  const FloatRows* up = nullptr;  // (n, cols)
  FloatRows y;                    // (n, cols)
  uint32_t n = 1, cols = 0;
  Activation activation = Activation::kSilu;
  float limit = 0;   // of Activation::kSoftcap, kClamped, kClip, kLimited and kRange
  float lowest = 0;  // of Activation::kRange
  uint32_t gate_column = 0, up_column = 0, gate_share = 1;  // first columns, and columns of y that take one of the gate
  uint32_t y_column = 0;
};
void activation(Recorder recorder, const ActivationArgs& args);

}  // namespace pumice
