// matmul: y (n, rows) = x (n, cols) * W^T for many rows of x, with bias and accumulation into y.
#pragma once

#include "kernels/weights.h"

namespace pumice {

struct MatmulArgs {
  const WeightMatrix& w;
  FloatRows x;                       // (n, cols); stride a multiple of 4
  const vk::Buffer* bias = nullptr;  // (rows)
  bool accumulate = false;           // y += instead of y =
  FloatRows y;                       // (n, rows)
  uint32_t y_offset = 0;             // first column of y that is written
  uint32_t n = 1;
};
void matmul(Recorder recorder, const MatmulArgs& args);

// Either of matvec and matmul, whichever suits the device and n.
void linear(Recorder recorder, const MatmulArgs& args);

}  // namespace pumice
