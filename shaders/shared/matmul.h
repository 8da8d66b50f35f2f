// matmul: y (n, rows) = x (n, cols) * W^T for many columns n, by tiles in shared memory; with bias and accumulation.
#ifndef PUMICE_SHARED_MATMUL_H
#define PUMICE_SHARED_MATMUL_H
#include "types.h"

SHARED_BEGIN
struct MatmulPush {
  uint rows, cols, units, n;
  uint quant_offset, scale_offset;  // in words
  uint x_stride, y_stride;          // in floats; x_stride a multiple of 4
  uint y_offset, bias_offset;
};
SHARED_CONST kMatmulBindings = 4u;    // W, x, bias, y
SHARED_CONST kMatmulWorkgroup = 128u;
SHARED_CONST kMatmulTile = 64u;       // rows and columns of a workgroup
SHARED_CONST kMatmulSpecFlags = 0u;
SHARED_CONST kMatmulBias = 1u;
SHARED_CONST kMatmulAccumulate = 2u;
SHARED_END

#endif
