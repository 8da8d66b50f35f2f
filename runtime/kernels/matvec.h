// matvec: y (n, rows) = x (n, cols) * W^T, with a fused RMS norm of x, bias, accumulation into y, or the gated form
// y = act(x W^T) * (x U^T). Weights are read once for up to 16 rows of x.
#pragma once

#include <string_view>

#include "kernels/activation.h"
#include "kernels/weights.h"

namespace pumice {

// Those that the gated form has.
inline bool matvec_activates(Activation kind) { return kind == Activation::kSilu || kind == Activation::kGelu; }

// Parts of a row, in columns.
struct MatvecHeads {
  uint32_t count = 0;               // 0: there are none
  uint32_t x_first = 0;             // of the first head in x; in y: MatvecArgs::y_offset
  uint32_t x_head = 0, y_head = 0;  // from a head to the next; x_first and x_head multiples of 4
};

struct MatvecArgs {
  const WeightMatrix& w;
  const WeightMatrix* up = nullptr;  // the gated form; same type and shape as w
  Activation activation = Activation::kSilu;
  FloatRows x;                       // (n, cols); stride a multiple of 4
  const vk::Buffer* norm = nullptr;  // (cols): x is RMS-normalised with this weight first
  float eps = 0;
  float factor = 1;                  // of the product, not of the bias; 1 with `up`
  const vk::Buffer* bias = nullptr;  // (rows)
  bool accumulate = false;           // y += instead of y =
  FloatRows y;                       // (n, rows)
  uint32_t y_offset = 0;             // first column of y that is written
  uint32_t n = 1;
  // A mixture: w has `experts` matrices, one after the other, and row i of y is that of choices[i] (kernels/route.h)
  // and of row i / share of x. bias (experts, rows).
  const vk::Buffer* choices = nullptr;
  uint32_t experts = 1, share = 1;
  const vk::Buffer* tiles = nullptr;  // of expert_tiles(), of size matvec_tile()
  uint32_t tile_size = 1;
  // w has `experts` = heads.count matrices; y (n, heads) = x (n, heads) * W_head^T. Without choices.
  MatvecHeads heads = {};
};
void matvec(Recorder recorder, const MatvecArgs& args);

// With the reduction "lanes" or "addressed" it is a shader for software drivers, where a lane has whole rows of W (an
// even number) and nothing is shared among lanes; a row of y is then the same, bit for bit, whatever n is and whatever
// else is computed.
struct MatvecVariant {
  ReduceChoice reduce;
  uint32_t rows_per_lane = 1;
  uint32_t cols_per_group = 1;
  uint32_t units_ahead = 0;  // not lanes: units whose weights a lane loads before it computes; 0: a part of one
  bool prefetch = false;     // lanes: weights are loaded ahead

  bool lanes() const { return reduce.form == ShaderForm::kLanes || reduce.form == ShaderForm::kAddressed; }
  // Rows of W that a workgroup computes.
  uint32_t rows_per_group() const { return rows_per_lane * (lanes() ? reduce.workgroup : kRowInterleave); }
  bool operator==(const MatvecVariant&) const = default;
};

struct MatvecShape {
  uint32_t type = kWeightF32;  // kWeight… of quant_blocks.h
  uint32_t rows = 0, cols = 0, n = 1;
  bool gated = false;
};
// Pure. The first candidate, without measuring.
MatvecVariant choose_matvec(const vk::DeviceCaps& caps, const MatvecShape& shape);
// Pure. How many of shape.n rows of a mixture of `experts` a workgroup should take together; 1: tiles do not pay.
uint32_t matvec_tile(const vk::DeviceCaps& caps, MatvecShape shape, uint32_t experts);
// Pure. The choice first, then others that may be faster.
std::vector<MatvecVariant> matvec_candidates(const vk::DeviceCaps& caps, const MatvecShape& shape);

}  // namespace pumice
