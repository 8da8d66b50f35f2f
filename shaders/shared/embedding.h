// embedding: y (n, cols) = rows of a quantised table (rows, cols) chosen by the tokens or positions of a step. A token
// outside the slab is left to the dispatch of its own slab.
#ifndef PUMICE_SHARED_EMBEDDING_H
#define PUMICE_SHARED_EMBEDDING_H
#include "types.h"

SHARED_BEGIN
struct EmbeddingPush {
  uint first_row;   // of this slab within the table
  uint rows;        // of this slab
  uint cols, units;
  uint n;           // rows of y
  uint quant_offset, scale_offset;  // in words
  uint y_stride;
  float scale;      // of the values; 1 for most models
  uint chosen_by;   // kEmbeddingBy…
  uint accumulate;  // 1: y += instead of y =
};
SHARED_CONST kEmbeddingByToken = 0u;
SHARED_CONST kEmbeddingByPosition = 1u;
SHARED_CONST kEmbeddingFirstRow = 2u;  // for all
SHARED_CONST kEmbeddingBindings = 3u;  // table, step rows, y
SHARED_CONST kEmbeddingWorkgroup = 64u;
SHARED_END

#endif
