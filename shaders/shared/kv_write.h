// kv_write: takes the rows [q heads | k heads | v heads] of a step, rotates q into its own buffer and k and v (v as it
// is) into the pages of the KV cache.
//
// Page layout, in words of uint32; W words hold a head of a token, S words its scales. K and V each have a type of
// their own:
//   F32   W = head_dim      a dimension a word
//   F16   W = head_dim / 2  dimensions (2i, 2i+1) in the low and the high half
//   Q8_0  W = head_dim / 4  dimensions 4i .. 4i+3 in the bytes, the lowest first; a byte b is scale * (b - 128)
//   Q4_0  W = head_dim / 8  dimensions 8i+j and 8i+4+j in the low and the high half of byte j; n is scale * (n - 8)
// Q8_0 and Q4_0 have a scale in F16 for each kKvBlock dimensions of a head (the last block may be shorter), two a word,
// and S = 0 for the others.
//   K of a page: (kv_heads, W, 32 tokens) words, and for each head after its words (S, 32 tokens)
//   V of a page: (kv_heads, 32 tokens, W) words, and for each head after its words (32 tokens, S)
// so that in attention neighbouring lanes read neighbouring words, as tokens for K and as dimensions for V, and a
// token's words are its own alone.
//
// With latent attention a row has the rotated dimensions of queries alone, and keys are values, too, before their
// rotation.
//
// kv_write_mixed also multiplies K with Q, and V, by a Hadamard matrix for each `block` of dimensions, where asked to.
// It spreads outliers over the block, and leaves q.k as it is; attention multiplies its result by the matrix again.
// Source: Ashkboos et al. 2024 (QuaRot).
#ifndef PUMICE_SHARED_KV_WRITE_H
#define PUMICE_SHARED_KV_WRITE_H
#include "types.h"

SHARED_BEGIN
struct KvWritePush {
  uint n, heads, kv_heads, head_dim;
  uint rotary, half_pairs;          // as for rope; rotary 0: no rotation
  uint qkv_stride, q_stride;        // in floats
  uint pages_per_slot;              // row length of the page table
  float magnitude;                  // of the rotated dimensions of queries
  float temperature;                // queries grow by 1 + temperature log(position / temperature_length + 1)
  uint temperature_length;
  uint q_head, q_first, q_dims;  // of a row: from a query head to the next, and the place and number of its dimensions;
                                 // the others are in q already, unscaled
  uint k_column, v_column;       // of the first head of each
};
SHARED_CONST kKvWriteBindings = 7u;  // qkv, frequencies, step rows, page table, q, K pool, V pool
SHARED_CONST kKvWriteWorkgroup = 64u;
SHARED_CONST kKvF16 = 0u;
SHARED_CONST kKvF32 = 1u;
SHARED_CONST kKvQ8_0 = 2u;
SHARED_CONST kKvQ4_0 = 3u;
SHARED_CONST kKvMixed = 2u;  // KV_TYPE of the shaders that take any two types

SHARED_CONST kKvBlock = 32u;  // dimensions of a scale

// W and S of a head.
SHARED_FUNCTION uint kv_value_words(uint type, uint head_dim) {
  return type == kKvF32 ? head_dim : type == kKvF16 ? head_dim / 2u : type == kKvQ8_0 ? head_dim / 4u : head_dim / 8u;
}
SHARED_FUNCTION uint kv_scale_words(uint type, uint head_dim) {
  return type == kKvQ8_0 || type == kKvQ4_0 ? (head_dim + 2u * kKvBlock - 1u) / (2u * kKvBlock) : 0u;
}
SHARED_END

#endif
