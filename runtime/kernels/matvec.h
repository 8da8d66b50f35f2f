// matvec: y (n, rows) = x (n, cols) * W^T, with a fused RMS norm of x, bias, accumulation into y, or the gated form
// y = act(x W^T) * (x U^T). Weights are read once for up to 16 rows of x.
#pragma once

#include "kernels/weights.h"

namespace pumice {

enum class Activation : uint32_t { kSilu = 0, kGelu = 1 };

struct MatvecArgs {
  const WeightMatrix& w;
  const WeightMatrix* up = nullptr;  // the gated form; same type and shape as w
  Activation activation = Activation::kSilu;
  FloatRows x;                       // (n, cols); stride a multiple of 4
  const vk::Buffer* norm = nullptr;  // (cols): x is RMS-normalised with this weight first
  float eps = 0;
  const vk::Buffer* bias = nullptr;  // (rows)
  bool accumulate = false;           // y += instead of y =
  FloatRows y;                       // (n, rows)
  uint32_t y_offset = 0;             // first column of y that is written
  uint32_t n = 1;
};
void matvec(Recorder recorder, const MatvecArgs& args);

struct MatvecVariant {
  ReduceChoice reduce;
  uint32_t rows_per_lane = 1;
  uint32_t cols_per_group = 1;
};
MatvecVariant choose_matvec(const vk::DeviceCaps& caps, uint32_t rows, uint32_t n, bool gated);

}  // namespace pumice
