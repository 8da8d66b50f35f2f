// attention: softmax(q K^T * scale) V over the pages of the KV cache, causal, with grouped query heads; with a window
// that hides keys too far back, or those before the row's chunk, a soft cap of scores, and of each head a sink, a slope
// or biases. A sink is a logit that takes part in the softmax without a value; by a slope scores fall with the distance
// of the key (ALiBi); a bias is added for each distance (T5).
//
// Decode: every row is a sequence of its own. Where K and V are of one type without scales, it does the work of
// kv_write too: q is then kv_write's input, and the row's own key and value go into the pages. A workgroup takes the
// query heads of one KV head of a row and a split of kAttentionDecodePages pages, which its subgroups share out; the
// last workgroup of a row and KV head to finish merges the splits in their order.
// Prefill: the rows are consecutive tokens of one sequence. A workgroup takes a tile of queries of one KV head; query i
// of the sequence is head i % group of row i / group. It walks the pages from the first one on, in rounds that begin at
// multiples of their length, so a row's result does not depend on which other rows are in the step. With texts, the
// rows are those of several sequences, each from its first token on; the grid has a layer for each of them.
// Sources: Beltagy 2020 (windows), Press 2022 (ALiBi), Xiao 2023 (sinks), Dao 2023 (FlashAttention-2, Flash-Decoding).
// Pages: kv_write.h.
#ifndef PUMICE_SHARED_ATTENTION_H
#define PUMICE_SHARED_ATTENTION_H
#include "types.h"

SHARED_BEGIN
struct AttentionPush {
  uint n, kv_heads;
  uint q_stride, y_stride;  // in floats
  uint pages_per_slot;      // row length of the page table
  uint max_splits;          // of a row: room in the partial results
  float scale;
  uint rotary, half_pairs;  // as for kv_write, where decode does its work too
  float magnitude, temperature;
  uint temperature_length;
  uint window;  // a query sees the keys less than this many positions back
  float softcap;
};
// q, K pool, V pool, page table, step rows, y; in decode also partials and counters, and of plain types rope's
// frequencies; then sinks, slopes or biases; in prefill texts: the first row and the number of rows of each.
SHARED_CONST kAttentionPrefillBindings = 8u, kAttentionOfHeadsInPrefill = 6u;
SHARED_CONST kAttentionMixedBindings = 9u;
SHARED_CONST kAttentionBindings = 10u;

// Specialisation constants after the workgroup size (0).
SHARED_CONST kAttentionSpecHeadDim = 1u;
SHARED_CONST kAttentionSpecGroup = 2u;    // query heads of a KV head
SHARED_CONST kAttentionSpecQueries = 3u;  // heads of a decode pass; queries of a prefill tile

SHARED_CONST kAttentionSpecAppend = 4u;  // plain decode: does kv_write's work too
SHARED_CONST kAttentionSpecMatrix = 4u;  // and 5, 6: m, n, k of attention_coopmat
SHARED_CONST kAttentionSpecTypes = 4u;   // and 5, 6: types of K and V, and V's Hadamard block (1: none), of *.mixed
SHARED_CONST kAttentionSpecMatrixTypes = 11u;  // the same of attention_coopmat.mixed
SHARED_CONST kAttentionSpecSubgroups = 7u;     // decode, and attention_coopmat: of a workgroup
SHARED_CONST kAttentionSpecShares = 8u;        // attention_coopmat: subgroups that share the same queries; _tile: lanes
SHARED_CONST kAttentionSpecAhead = 8u;         // decode: vectors of 16 bytes that a lane loads before it uses them
SHARED_CONST kAttentionSpecSets = 9u;          // decode: subgroups that take the same keys for other heads
SHARED_CONST kAttentionSpecKept = 9u;          // attention_coopmat: matrices of a query that stay in registers
SHARED_CONST kAttentionSpecValueDim = 14u;     // dimensions of a head of y; 0: head_dim
SHARED_CONST kAttentionSpecForm = 10u;         // of what follows
SHARED_CONST kAttentionWindow = 1u;
SHARED_CONST kAttentionSoftcap = 2u;
SHARED_CONST kAttentionSinks = 4u;
SHARED_CONST kAttentionTexts = 8u;      // prefill
SHARED_CONST kAttentionBothWays = 16u;  // prefill: a query sees later keys, too, in a window as far as earlier ones
SHARED_CONST kAttentionSlopes = 32u;    // not with sinks
SHARED_CONST kAttentionChunks = 64u;    // instead of a window: of as many tokens
SHARED_CONST kAttentionBiases = 128u;   // not with either: of each head 2 kAttentionReach + 1, by how far a key is
SHARED_CONST kAttentionPicture = 256u;  // with both ways: the window hides no later keys
SHARED_CONST kAttentionReach = 128u;    // farther keys have the bias of this distance

// Floats of one partial result: head_dim values, the maximum and the sum.
SHARED_CONST kAttentionPartialExtra = 2u;
SHARED_CONST kAttentionDecodePages = 8u;  // pages of a split in decode

// attention_cpu_*: tokens of a round and queries of a lane.
SHARED_CONST kAttentionCpuTokens = 8u;
SHARED_CONST kAttentionCpuQueries = 2u;
// attention_tile: lanes along the tokens of a page, tokens of a lane, queries of a lane.
SHARED_CONST kAttentionTileLanes = 16u;
SHARED_CONST kAttentionTileTokens = 2u;
SHARED_CONST kAttentionTileQueries = 4u;
SHARED_CONST kAttentionTilePadding = 4u;  // floats after a row in shared memory, against bank conflicts
// attention_coopmat: halves or floats after a row in shared memory.
SHARED_CONST kAttentionMatrixPadding = 8u;
SHARED_END

#endif
