// matmul: y (n, rows) = x (n, cols) * W^T for many columns n, with bias and accumulation into y.
//
// Every form gives a workgroup one tile of y: TILE_ROWS rows of W times TILE_COLS rows of x. Workgroups count column
// tiles along x (so that neighbours share weights), row tiles along y, and splits of K along z. With splits, each
// workgroup writes its partial tile, and the last to arrive adds all of them in the order of the splits.
//   matmul          x and W as f32 in shared memory
//   matmul_coopmat  x (scaled by row) and W as f16, sums in f32, by VK_KHR_cooperative_matrix
//   matmul_coopmat_half the same with sums in f16 over some units, and f32 beyond
//   matmul_coopmat2 as matmul_coopmat by VK_NV_cooperative_matrix2, one matrix for the workgroup
//   matmul_dot      x as int8 with a scale per 32 values, W as its integers, by integer dot products
//   matmul_panel    x in f32; W is unpacked to f32 in `partials`, from where the workgroup reads it for all columns;
//   for
//                   software drivers
//   matvec_dot      as matmul_dot, for 1 to 8 columns: the lanes of a workgroup share the rows' units instead of a tile
#ifndef PUMICE_SHARED_MATMUL_H
#define PUMICE_SHARED_MATMUL_H
#include "types.h"

SHARED_BEGIN
struct MatmulPush {
  uint rows, cols, units, n;
  uint quant_offset, scale_offset;  // in words
  uint x_stride, y_stride;          // in floats; x_stride a multiple of 4; the quantised forms of x have no stride
  uint y_offset, bias_offset;
  uint splits, split_units;  // split s has the units from s * split_units on
  float factor;              // of the product, not of the bias
  uint first_tile;           // matmul_panel: of rows, that the dispatch begins with
  uvec2 w_address, x_address, partials_address;  // matmul_panel
};
SHARED_CONST kMatmulBindings = 6u;           // W, x, bias, y, partials, counters
SHARED_CONST kMatmulQuantisedBindings = 7u;  // the same and the scales of x
SHARED_CONST kMatvecDotBindings = 5u;        // W, x, bias, y, scales of x
SHARED_CONST kMatvecDotCols = 8u;            // at most
SHARED_CONST kMatmulPanelLanes = 8u;
SHARED_CONST kMatmulPanelRows = 16u;     // of a workgroup
SHARED_CONST kMatmulPanelCols = 6u;      // at once
SHARED_CONST kMatmulFoldedUnits = 4u;    // matmul_coopmat_half: whose sums are added to those in f32
SHARED_CONST kMatmulCoopmat2Workgroup = 256u;

// Specialisation constants.
SHARED_CONST kMatmulSpecWorkgroup = 0u;
SHARED_CONST kMatmulSpecTileRows = 1u;  // multiples of 32
SHARED_CONST kMatmulSpecTileCols = 2u;
SHARED_CONST kMatmulSpecFlags = 3u;
SHARED_CONST kMatmulSpecPartRows = 4u;  // of one lane; matmul_coopmat: of one subgroup
SHARED_CONST kMatmulSpecPartCols = 5u;
SHARED_CONST kMatmulSpecM = 6u;  // matmul_coopmat: the matrix size
SHARED_CONST kMatmulSpecN = 7u;
SHARED_CONST kMatmulSpecK = 8u;
SHARED_CONST kMatmulSpecAhead = 9u;  // 1: a unit is loaded while the one before it is multiplied
SHARED_CONST kMatmulSpecSubgroups = 10u;
// Flags.
SHARED_CONST kMatmulBias = 1u;
SHARED_CONST kMatmulAccumulate = 2u;  // y += instead of y =
SHARED_CONST kMatmulSplit = 4u;
SHARED_CONST kMatmulTail = 8u;  // cols is not a multiple of 32 (x in f32 only: the other forms are padded)
SHARED_END

#endif
