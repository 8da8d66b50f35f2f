// activation: y (n, cols) = act(gate), times up when given.
#pragma once

#include "kernels/matvec.h"

namespace pumice {

struct ActivationArgs {
  FloatRows gate;                 // (n, cols)
  const FloatRows* up = nullptr;  // (n, cols)
  FloatRows y;                    // (n, cols)
  uint32_t n = 1, cols = 0;
  Activation activation = Activation::kSilu;
};
void activation(Recorder recorder, const ActivationArgs& args);

}  // namespace pumice
