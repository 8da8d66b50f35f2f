// quantize: rows of activations x (n, cols) in the two forms that matmul and matvec read beside f32, padded with zeros
// to whole units of 32 values.
//   quantize      int8 with a scale d per unit: x = d * q with d = max |x| / 127 of the unit. Words (n, units, 8):
//                 byte b of word w is value 4 w + b. Scales (n, units, 2): d and d * (sum of q).
//   quantize_f16  f16 with a scale per row, a power of two: x = scale * h with the largest |h| of the row in
//                 [2^e, 2^(e + 1)), e as exponent says, so that no activation is beyond the range of f16. Words
//                 (n, units, 16). Scales (n).
// A row that has an infinity or a NaN gives results that are not finite.
#ifndef PUMICE_SHARED_QUANTIZE_H
#define PUMICE_SHARED_QUANTIZE_H
#include "types.h"

SHARED_BEGIN
struct QuantizePush {
  uint cols, units;
  uint x_stride;  // in floats, a multiple of 4
  uint exponent;  // quantize_f16: at most 14
};
SHARED_CONST kQuantizeBindings = 3u;        // x, words, scales
SHARED_CONST kQuantizeWorkgroup = 64u;      // quantize: 8 units of one row; a workgroup's y is the row
SHARED_CONST kQuantizeRowWorkgroup = 256u;  // quantize_f16: one row; constant 0, less where the device has less
SHARED_CONST kQuantizeLowExponent = 2u;     // 128 products of values below 8 with weights up to 64 sum up in f16
SHARED_CONST kQuantizeSmallest = 0x0da24260u;  // the bits of 1e-30: a unit of 32 values all below it becomes 0
SHARED_END

#endif
