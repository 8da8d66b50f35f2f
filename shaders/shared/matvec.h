// matvec: y (n, rows) = x (n, cols) * W^T for 1 to 16 columns n a workgroup, with fused RMS norm of x, bias,
// accumulation into y (residual) and the gated form y = act(gate x) * (up x). Three shaders: kernels/matvec.comp for
// GPUs (and for any device), kernels/matvec_lanes.comp for software drivers; there cols is even, and the rows a lane
// too; kernels/matvec_addressed.comp for those that give addresses of memory. Of a mixture of experts W has the rows of
// one expert after the other, a multiple of 8 each, and a workgroup takes one row of y, or with several columns those
// of a tile (expert_tiles.h). Of heads, which have a matrix each, they are the parts of a row of x and of y.
#ifndef PUMICE_SHARED_MATVEC_H
#define PUMICE_SHARED_MATVEC_H
#include "types.h"

SHARED_BEGIN
struct MatvecPush {
  uint rows;           // of this slab of W
  uint cols;
  uint units;          // of 32 values in a row
  uint n;              // rows of x
  uint quant_offset, scale_offset;        // in words, of W (the gate)
  uint up_quant_offset, up_scale_offset;  // of the second matrix, when gated
  uint x_stride, y_stride;                // in floats; x_stride a multiple of 4
  uint y_offset;       // of the slab's first row within a row of y
  uint bias_offset;    // of the slab's first row within the bias
  float eps;
  float factor;        // of the product, not of the bias
  uint share;          // chosen: rows of y that read one row of x; heads: of a row
  uint first_expert, experts;  // chosen: of the slab, each with `rows` rows
  uint x_first, x_head, y_head;  // heads: column of the first head of x, and from a head to the next
  uvec2 w_address, up_address, x_address, norm_address;  // matvec_addressed
};

SHARED_CONST kMatvecBindings = 7u;  // W, up W, x, norm weight, bias, y, choices or tiles

// Specialisation constants after the workgroup size (0).
SHARED_CONST kMatvecSpecRows = 1u;   // rows a lane
SHARED_CONST kMatvecSpecCols = 2u;   // columns a workgroup
SHARED_CONST kMatvecSpecFlags = 3u;
SHARED_CONST kMatvecSpecAhead = 4u;  // units whose weights a lane loads before it uses them; 0: a pair of a unit
// Flags.
SHARED_CONST kMatvecNorm = 1u;        // x is RMS-normalised first
SHARED_CONST kMatvecBias = 2u;
SHARED_CONST kMatvecAccumulate = 4u;  // y += instead of y =
SHARED_CONST kMatvecGated = 8u;       // with silu
SHARED_CONST kMatvecGelu = 16u;       // the gate's activation is gelu instead
SHARED_CONST kMatvecTail = 32u;       // cols is not a multiple of 32 (lanes, Q8_0: of 64)
SHARED_CONST kMatvecUneven = 64u;     // lanes: some groups have one column less than the others
SHARED_CONST kMatvecPrefetch = 128u;  // lanes: weights are loaded ahead
SHARED_CONST kMatvecChosen = 256u;    // each row of y has the weights of the expert that choices name (route.h)
SHARED_CONST kMatvecHeads = 512u;     // chosen: by a column's place in its row
SHARED_END

#endif
