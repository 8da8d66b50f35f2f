// roof: what the device reaches at best. Reading and copying a buffer; chains of multiply-adds in f32, f16 and packed
// int8 (four products and their sum); matrix multiply-adds of one subgroup.
#ifndef PUMICE_SHARED_ROOF_H
#define PUMICE_SHARED_ROOF_H
#include "types.h"

SHARED_BEGIN
struct RoofPush {
  uint count;       // memory: vectors of four words
  uint iterations;  // arithmetic: links of each chain
  float factor;     // arithmetic: x becomes x * factor + offset; matrix: elements of A and of B
  float offset;
};

SHARED_CONST kRoofLineVectors = 4u;  // of a cache line

SHARED_CONST kRoofBindings = 2u;  // source (words), target (words)

// A lane of the arithmetic variants runs this many chains, which start at (lane + chain) % 8 and are summed up. Enough
// to hide the latency of a multiply-add, few enough for the registers of a CPU's vector unit.
SHARED_CONST kRoofChains = 8u;
// A subgroup of the matrix variant runs this many; the accumulators of chain i start at i.
SHARED_CONST kRoofMatrixChains = 4u;

// Specialisation constants after the workgroup size (0): the matrix variant's sizes.
SHARED_CONST kRoofSpecM = 1u;
SHARED_CONST kRoofSpecN = 2u;
SHARED_CONST kRoofSpecK = 3u;
SHARED_END

#endif
