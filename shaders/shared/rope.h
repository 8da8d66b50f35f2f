// rope: rotary position embedding of (n, heads, head_dim), from x to y. Source: Su et al. 2021 (RoFormer).
// A frequency is the fraction of a turn that one position makes, as a 64-bit fixed-point number (low word, high word), so
// that the angle of any position is exact.
#ifndef PUMICE_SHARED_ROPE_H
#define PUMICE_SHARED_ROPE_H
#include "types.h"

SHARED_BEGIN
struct RopePush {
  uint n, heads, head_dim;
  uint rotary;        // leading dimensions of a head that are rotated; even
  uint x_stride, y_stride;
  uint half_pairs;    // 0: pairs (2i, 2i+1); 1: pairs (i, i + rotary/2)
};
SHARED_CONST kRopeBindings = 4u;  // x, frequencies, step rows, y
SHARED_CONST kRopeWorkgroup = 64u;
SHARED_END

#endif
