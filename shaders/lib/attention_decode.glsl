// Decode attention: a row's own key and value, where the kernel does kv_write's work too, and the splits: where a
// workgroup leaves its part, and how the last one to finish merges them. The includer has included lib/reduce.glsl, and
// lib/attention.glsl with APPENDS for KV types of which each dimension is stored by itself. A workgroup has SUBGROUPS
// subgroups (1 where it reduces through shared memory).
layout(constant_id = 7) const uint SUBGROUPS = 1u;
const uint LANES = WG / SUBGROUPS;
#ifdef REDUCE_SHARED
uint own_subgroup() { return 0u; }
uint own_lane() { return gl_LocalInvocationID.x; }
#else
uint own_subgroup() { return SUBGROUPS == 1u ? 0u : gl_SubgroupID; }
uint own_lane() { return SUBGROUPS == 1u ? gl_LocalInvocationID.x : gl_SubgroupInvocationID; }
#endif
void sync_subgroups() {
  if (SUBGROUPS == 1u) sync();
  else barrier();
}

layout(binding = 6) coherent buffer Partials { float partials[]; };
layout(binding = 7) coherent buffer Counters { uint counters[]; };

const uint SPLIT_TOKENS = kAttentionDecodePages * kPageTokens;

// With APPEND, q holds a step's rows as kv_write takes them. A row's own key and value are taken from there, not from
// the pages: a workgroup would have to wait for them. The workgroup of the last split stores them.
#ifdef APPENDS
layout(constant_id = 4) const bool APPEND = false;
layout(binding = 8) readonly buffer Frequencies { uvec2 frequencies[]; };
#define ROPE_X q
#include "lib/rope_head.glsl"

// What the word of a query from dimension d on is turned by, and the word itself, of the head that begins at `from`.
#if KV_TYPE == 0
#define Turn vec4
vec4 turn_of(uint d, uint position) { return vec4(rope_factors(d, position), rope_factors(d + 1u, position)); }
vec2 turned(uint from, uint d, vec4 turn) { return vec2(rotated(from, d, turn.xy), rotated(from, d + 1u, turn.zw)); }
#else
#define Turn vec2
vec2 turn_of(uint d, uint position) { return rope_factors(d, position); }
float turned(uint from, uint d, vec2 turn) { return rotated(from, d, turn); }
#endif
#if KV_TYPE == 0
vec2 query_factors(uint d, uint position) { return vec2(query_factor(d, position), query_factor(d + 1u, position)); }
#else
float query_factors(uint d, uint position) { return query_factor(d, position); }
#endif
Values query_word(uint from, uint d, Turn turn) { return APPEND ? turned(from, d, turn) : VALUES_AT(q, from + d); }

// Word w of the row's own key and value, as the pages hold it.
uint own_key_start() { return gl_WorkGroupID.x * p.q_stride + (p.kv_heads * GROUP + gl_WorkGroupID.y) * HEAD_DIM; }
uint own_key(uint w, uint position) {
  const uint d = w * VALUES;
  return pack(turned(own_key_start(), d, turn_of(d, position)));
}
uint own_value(uint w) {
  const uint at = own_key_start() + p.kv_heads * HEAD_DIM + w * VALUES;
  return pack(VALUES_AT(q, at));
}

void store_own(StepRow row, uint w, uint key, uint value) {
  const uint page = row.position / kPageTokens, token = row.position % kPageTokens;
  const uint k = k_page_base(row.slot, page, gl_WorkGroupID.y) + w * kPageTokens + token;
  const uint v = v_start(v_page_base(row.slot, page, gl_WorkGroupID.y), token) + w / V_UNIT;
  TOKEN_OF(k_pool[k / KV_TOKENS], k % KV_TOKENS) = key;
#ifdef V_PAIRS
  v_pool[v][w % 2u] = value;
#else
  v_pool[v] = value;
#endif
}
#else
const bool APPEND = false;
#define Turn float
float turn_of(uint d, uint position) { return 0.0; }
Values query_word(uint from, uint d, Turn turn) { return VALUES_AT(q, from + d); }
Values query_factors(uint d, uint position) { return Values(1.0); }
#endif

// How many tokens the pages of a row hold.
uint stored_keys(uint position) { return APPEND ? position : position + 1u; }

// A row's splits: those that have a key it sees.
uint first_split(uint position) { return first_seen(position) / SPLIT_TOKENS; }
uint count_splits(uint position) { return position / SPLIT_TOKENS + 1u - first_split(position); }

shared uint arrivals;

// Of the splits a lane loads 64 values at once: with 128 or 256, 8 lanes and heads of 256 spill on Intel's A770.
const uint DIMS_PER_LANE = (HEAD_DIM + LANES - 1u) / LANES, AT_ONCE = 64u / DIMS_PER_LANE;
const uint SPLITS_AT_ONCE = AT_ONCE > 8u ? 8u : AT_ONCE > 0u ? AT_ONCE : 1u;
const uint PARTIAL = HEAD_DIM + kAttentionPartialExtra;

// A head of the row and KV head of this workgroup.
uint partial_start(uint split, uint head) {
  const uint tile = gl_WorkGroupID.x * p.kv_heads + gl_WorkGroupID.y;
  return ((tile * p.max_splits + split) * GROUP + head) * PARTIAL;
}

#if KV_TYPE == 2
shared float rotated_back[SUBGROUPS * HEAD_DIM];
#define HADAMARD_VALUE float
#define HADAMARD_AT(i) rotated_back[own_subgroup() * HEAD_DIM + (i)]
#define HADAMARD_SYNC sync
#include "lib/hadamard.glsl"

// Writes a head of y, its values in this subgroup's part of rotated_back; every subgroup calls it, with a head (`any`)
// or without.
void store_rotated_back(uint to, bool any, uint lane) {
  sync();
  hadamard(HEAD_DIM, V_ROTATION, lane, LANES);
  const float factor = V_ROTATION == 1u ? 1.0 : inversesqrt(float(V_ROTATION));
  for (uint d = lane; any && d < VALUE_DIM; d += LANES) y[to + d] = HADAMARD_AT(d) * factor;
  sync();
}
#endif

// Where a workgroup's result of a head goes: into y where it is the whole one, else to its split's partial result.
uint part_start(uint head, uint split, bool whole) {
  return whole ? result_start(gl_WorkGroupID.x, head) : partial_start(split, head);
}
void store_word(uint to, uint w, bool whole, Values value) {
  const uint d = w * VALUES;
#if KV_TYPE == 2
  if (whole) STORE_VALUES(rotated_back, own_subgroup() * HEAD_DIM + d, value);
#else
  if (whole && !in_result(d)) return;
  if (whole) STORE_VALUES(y, to + d, value);
#endif
  else STORE_VALUES(partials, to + d, value);
}
// After the words of all lanes; every subgroup calls it, with a head (`any`) or without.
void finish_head(uint to, bool whole, bool any, float highest, float total, uint lane) {
#if KV_TYPE == 2
  if (whole) store_rotated_back(to, any, lane);
#endif
  if (whole || !any || lane != 0u) return;
  partials[to + HEAD_DIM] = highest;
  partials[to + HEAD_DIM + 1u] = total;
}

// The splits' sums in their order, several splits' loads in flight.
void merge_head(uint splits, uint head, uint lane) {
  const bool any = head < GROUP;
  float top = NONE, sum = 0.0, values[DIMS_PER_LANE];
  [[unroll]] for (uint i = 0u; i < DIMS_PER_LANE; ++i) values[i] = 0.0;
  for (uint first = 0u; any && first < splits; first += SPLITS_AT_ONCE) {
    float highest[SPLITS_AT_ONCE], total[SPLITS_AT_ONCE], part[SPLITS_AT_ONCE * DIMS_PER_LANE], risen = top;
    [[unroll]] for (uint j = 0u; j < SPLITS_AT_ONCE; ++j) {
      const uint from = partial_start(min(first + j, splits - 1u), head);
      highest[j] = partials[from + HEAD_DIM];
      total[j] = partials[from + HEAD_DIM + 1u];
      [[unroll]] for (uint i = 0u; i < DIMS_PER_LANE; ++i)
        part[j * DIMS_PER_LANE + i] = partials[from + min(lane + i * LANES, HEAD_DIM - 1u)];
    }
    [[unroll]] for (uint j = 0u; j < SPLITS_AT_ONCE; ++j) risen = max(risen, highest[j]);
    const float shrink = exp(top - risen);
    top = risen;
    sum *= shrink;
    [[unroll]] for (uint i = 0u; i < DIMS_PER_LANE; ++i) values[i] *= shrink;
    [[unroll]] for (uint j = 0u; j < SPLITS_AT_ONCE; ++j) {
      const float weight = first + j < splits ? exp(highest[j] - top) : 0.0;
      sum += weight * total[j];
      [[unroll]] for (uint i = 0u; i < DIMS_PER_LANE; ++i) values[i] += weight * part[j * DIMS_PER_LANE + i];
    }
  }
  const uint to = result_start(gl_WorkGroupID.x, head);
  if (any) sum += sink_weight(head, top);
#if KV_TYPE == 2
  [[unroll]] for (uint i = 0u; i < DIMS_PER_LANE; ++i)
    if (lane + i * LANES < HEAD_DIM) HADAMARD_AT(lane + i * LANES) = values[i] / sum;
  store_rotated_back(to, any, lane);
#else
  [[unroll]] for (uint i = 0u; i < DIMS_PER_LANE; ++i)
    if (any && lane + i * LANES < VALUE_DIM) y[to + lane + i * LANES] = values[i] / sum;
#endif
}

// After all parts of this workgroup are stored. Merges the splits in their order if it was the last, a head a subgroup.
void finish_splits(uint splits) {
  memoryBarrierBuffer();
  sync_subgroups();
  const uint counter = gl_WorkGroupID.x * p.kv_heads + gl_WorkGroupID.y;
  if (gl_LocalInvocationID.x == 0u) arrivals = atomicAdd(counters[counter], 1u);
  sync_subgroups();
  if (arrivals != splits - 1u) return;
  memoryBarrierBuffer();
  if (gl_LocalInvocationID.x == 0u) counters[counter] = 0u;
  for (uint first = 0u; first < GROUP; first += SUBGROUPS) merge_head(splits, first + own_subgroup(), own_lane());
}
