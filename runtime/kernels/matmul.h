// matmul: y (n, rows) = x (n, cols) * W^T for many rows of x, with bias and accumulation into y.
//
// Seven forms (shaders/shared/matmul.h). kTiled computes in f32. kCoopmat and kCoopmat2 round weights and activations
// to f16 (relative error 2^-11 each) and sum in f32; activations are scaled by a power of two for each row, so none is
// too large for f16. kCoopmatHalf sums up to 128 products in f16, and those sums in f32: only tuning takes it, where
// the device is faster with it and its error passes. kDot and kDotVector (up to 8 columns) round activations to 8 bits,
// with a scale for each 32. F32 weights are multiplied in f32 only. kPanel, in f32, is the only one of software drivers
// that have it.
#pragma once

#include <optional>
#include <vector>

#include "kernels/quantize.h"
#include "kernels/weights.h"

namespace pumice {

enum class MatmulForm { kTiled, kCoopmat, kCoopmatHalf, kCoopmat2, kDot, kDotVector, kPanel };

struct MatmulShape {
  uint32_t type = kWeightF32;  // kWeight… of quant_blocks.h
  uint32_t rows = 0, cols = 0, n = 0;
};

struct MatmulVariant {
  MatmulForm form = MatmulForm::kTiled;
  uint32_t workgroup = 64;
  uint32_t tile_rows = 32, tile_cols = 32;  // of y, for a workgroup
  uint32_t part_rows = 4, part_cols = 4;    // of that, for a lane; matrices(): for a subgroup
  uint32_t m = 0, n = 0, k = 0;             // matrices(): their size
  uint32_t subgroup = 0;                    // matrices(), kDotVector: lanes of a subgroup; 0: any
  bool ahead = false;                       // matrices(): loads a unit while it multiplies the one before
  bool rows_kept = false;                   // matrices(): where a lane loads from stays in registers
  uint32_t splits = 1;                      // workgroups that share a tile, along cols
  bool matrices() const { return form == MatmulForm::kCoopmat || form == MatmulForm::kCoopmatHalf; }
  bool operator==(const MatmulVariant&) const = default;
};

// by_subgroup: of kDotVector. Not built where the compiler of this build lacks what it requires.
Shader matmul_shader(MatmulForm form, uint32_t type, bool by_subgroup);
// Bytes of shared memory that a workgroup takes.
uint32_t matmul_shared_bytes(const MatmulVariant& variant);
// Pure. The first candidate, without measuring.
MatmulVariant choose_matmul(const vk::DeviceCaps& caps, const MatmulShape& shape);
// kPanel, which not every software driver is given that could run it. Pure.
MatmulVariant panel_variant();
// Pure. The choice first, then whatever else this build and device can run and could be faster.
std::vector<MatmulVariant> matmul_candidates(const vk::DeviceCaps& caps, const MatmulShape& shape);

// Pure. Of candidates for n rows, the best that computes a row like `reference` does, bit for bit: the same form and
// matrix size, the sum over cols undivided. reference: what many rows take.
MatmulVariant exact_matmul(const vk::DeviceCaps& caps, const MatmulShape& shape, const MatmulVariant& reference);

// Whether a row of y depends on its row of x alone, not on n: kNone: no; kFew: yes, by what suits few rows; kMany: by
// what suits many.
enum class Exactness { kNone, kFew, kMany };

struct MatmulArgs {
  const WeightMatrix& w;
  FloatRows x;                       // (n, cols); stride a multiple of 4
  float factor = 1;                  // of the product, not of the bias
  const vk::Buffer* bias = nullptr;  // (rows)
  bool accumulate = false;           // y += instead of y =
  FloatRows y;                       // (n, rows)
  uint32_t y_offset = 0;             // first column of y that is written
  uint32_t n = 1;
  std::optional<MatmulVariant> variant;  // instead of choose_matmul's
  Exactness exact = Exactness::kNone;
  // Of products of the same x, one after the other: what the last one has quantized, for those that read that form.
  std::optional<QuantizedRows>* quantized = nullptr;
};
void matmul(Recorder recorder, const MatmulArgs& args);

inline constexpr uint32_t kFewRows = 16;  // that are matvecs where `exact` lets them
// Whether products of n rows are matmuls, or else matvecs, into which norms and activations can be fused. Pure.
bool takes_matmul(const vk::DeviceCaps& caps, uint32_t n, Exactness exact);

// Either of matvec and matmul, whichever suits the device and n.
void linear(Recorder recorder, const MatmulArgs& args);

}  // namespace pumice
