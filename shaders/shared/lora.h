// lora: products (n, cols) *= gain(col) * scale(row's sequence, col's adapter); exactly 0 where that is 0.
#ifndef PUMICE_SHARED_LORA_H
#define PUMICE_SHARED_LORA_H
#include "types.h"

SHARED_BEGIN
struct LoraColumn {
  uint adapter;
  float gain;
};
struct LoraPush {
  uint cols, stride;  // of products, in floats
  uint adapters;      // columns of the scales
  uint first_row;     // of the step's rows: that of products' row 0
};
SHARED_CONST kLoraBindings = 4u;  // products, columns (cols) LoraColumn, scales (slots, adapters), step rows
SHARED_CONST kLoraWorkgroup = 64u;
SHARED_END

#endif
