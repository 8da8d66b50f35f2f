// recurrence: of each head a state S (key_dim, value_dim) that every token changes:
//   delta rule:  S = g S, d = beta (v - S^T k), S += k d^T, y = S^T q / sqrt(key_dim); q and k have length 1;
//                g = exp(a softplus(decay + dt)), beta = sigmoid(strength)
//   Mamba 2:     S = g S + k (t v)^T, y = S^T q + skip v; t = softplus(decay + dt), g = exp(a t)
// Head h has the keys and queries of key head h mod key_heads where they are tiled, or of h key_heads / heads.
//
// Rows are consecutive tokens of one sequence, or one token of each of several. Before a row with position 0 its
// sequence's state is 0; a row that is not live leaves it as it was. States: (heads, key_dim, value_dim) floats from
// state_first on. The states after rows snapshot_after are also written to other places. recurrence_chunks takes the
// rows of one sequence alone.
// Sources: Yang, Kautz and Hatamizadeh 2024 (Gated Delta Networks); Dao and Gu 2024 (Mamba 2).
#ifndef PUMICE_SHARED_RECURRENCE_H
#define PUMICE_SHARED_RECURRENCE_H
#include "states.h"
#include "types.h"

SHARED_BEGIN
struct RecurrencePush {
  uint n, heads, key_heads, value_dim;
  uint tiled;  // 0 or 1
  uint x_stride, gates_stride, y_stride;          // in floats
  uint q_first, k_first, v_first;                 // columns of x: (key_heads, key_dim) twice, (heads, value_dim)
  uint decay_first, strength_first;               // columns of gates: (heads)
  uint state_first, state_stride;                 // in floats: in a sequence's state, and from one to the next
  uint one_sequence;                              // 0 or 1
  uint snapshot_after[kMostSnapshots];  // rows; kNoSnapshot: none
  uint snapshot[kMostSnapshots];        // places among the states
  float eps;                                      // delta rule: no length of q and k is below
};
// Of a head: x: dt, y: a, z: skip.
SHARED_CONST kRecurrenceBindings = 6u;  // x, gates, heads (heads) vec4, step_rows, states, y
SHARED_CONST kRecurrenceDelta = 0u;
SHARED_CONST kRecurrenceMamba = 1u;
SHARED_CONST kRecurrenceMostKeys = 256u;
SHARED_CONST kRecurrenceColumns = 32u;   // of values that a workgroup computes
SHARED_CONST kRecurrenceMostChunk = 16u;  // rows
// Specialisation constants, in this order: the workgroup, kRecurrenceColumns times the lanes that share a column; the
// rule; key_dim; recurrence_chunks: rows of a chunk.
SHARED_CONST kRecurrenceConstants = 3u, kRecurrenceChunkConstants = 4u;
SHARED_END

#endif
