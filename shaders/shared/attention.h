// attention: softmax(q K^T * scale) V over the pages of the KV cache, causal, with grouped query heads. A workgroup takes the
// heads of one KV head for a tile of rows (one row each of any sequence, or several rows of the same one) and a split of
// the pages; the last workgroup of a tile to finish merges the splits in their order.
// Sources: Dao 2023 (FlashAttention-2, online softmax); Dao et al. 2023 (Flash-Decoding, splits); page layout: kv_write.h.
#ifndef PUMICE_SHARED_ATTENTION_H
#define PUMICE_SHARED_ATTENTION_H
#include "types.h"

SHARED_BEGIN
struct AttentionPush {
  uint n, kv_heads;
  uint q_stride, y_stride;     // in floats
  uint pages_per_slot;         // row length of the page table
  uint pages_per_split;
  uint max_splits;             // for the partial results
  float scale;
};
SHARED_CONST kAttentionBindings = 8u;  // q, K pool, V pool, page table, step rows, partials, counters, y

// Specialisation constants after the workgroup size (0).
SHARED_CONST kAttentionSpecHeadDim = 1u;
SHARED_CONST kAttentionSpecGroup = 2u;  // query heads of a KV head
SHARED_CONST kAttentionSpecRows = 3u;   // rows of a tile

// Floats of one partial result: head_dim values, the maximum and the sum.
SHARED_CONST kAttentionPartialExtra = 2u;
SHARED_CONST kAttentionDecodePages = 8u;  // pages of a split in decode
SHARED_END

#endif
