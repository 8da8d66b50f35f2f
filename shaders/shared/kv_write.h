// kv_write: takes the rows [q heads | k heads | v heads] of a step, rotates q into its own buffer and k and v (v as it is)
// into the pages of the KV cache.
//
// Page layout, in words of uint32; W words hold a head: F16 packs dimensions (2i, 2i+1), F32 has one a word.
//   K of a page: (kv_heads, W, 32 tokens)      V of a page: (kv_heads, 32 tokens, W)
// so that in attention neighbouring lanes read neighbouring words, as tokens for K and as dimensions for V.
#ifndef PUMICE_SHARED_KV_WRITE_H
#define PUMICE_SHARED_KV_WRITE_H
#include "types.h"

SHARED_BEGIN
struct KvWritePush {
  uint n, heads, kv_heads, head_dim;
  uint rotary, half_pairs;          // as for rope; rotary 0: no rotation
  uint qkv_stride, q_stride;        // in floats
  uint pages_per_slot;              // row length of the page table
};
SHARED_CONST kKvWriteBindings = 7u;  // qkv, frequencies, step rows, page table, q, K pool, V pool
SHARED_CONST kKvWriteWorkgroup = 64u;
SHARED_CONST kKvF16 = 0u;
SHARED_CONST kKvF32 = 1u;
SHARED_END

#endif
