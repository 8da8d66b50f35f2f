#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/reduce.glsl"
#include "shared/attention.h"
#include "shared/step_params.h"

layout(constant_id = 1) const uint HEAD_DIM = 64u;
layout(constant_id = 2) const uint GROUP = 1u;
layout(constant_id = 3) const uint ROWS = 1u;

layout(push_constant) uniform Push { AttentionPush p; };
layout(binding = 0) readonly buffer Q { float q[]; };
layout(binding = 1) readonly buffer KPool { uint k_pool[]; };
layout(binding = 2) readonly buffer VPool { uint v_pool[]; };
layout(binding = 3) readonly buffer PageTable { uint page_table[]; };
layout(binding = 4) readonly buffer Rows { StepRow step_rows[]; };
layout(binding = 5) coherent buffer Partials { float partials[]; };
layout(binding = 6) coherent buffer Counters { uint counters[]; };
layout(binding = 7) writeonly buffer Y { float y[]; };

// Query i of a tile is head i % GROUP of row i / GROUP.
const uint QUERIES = GROUP * ROWS;
#if KV_TYPE == 0
const uint WORDS = HEAD_DIM / 2u, VALUES = 2u;  // words of a head; values of a word
#else
const uint WORDS = HEAD_DIM, VALUES = 1u;
#endif
const uint KEYS = WG > kPageTokens ? WG : kPageTokens;  // keys of one round
const uint KEYS_PER_LANE = (KEYS + WG - 1u) / WG;
const uint WORDS_PER_LANE = (WORDS + WG - 1u) / WG;
const uint PARTIAL = HEAD_DIM + kAttentionPartialExtra;
const float LOWEST = -3.402823466e38;

shared float queries[QUERIES * HEAD_DIM];
shared float weights[QUERIES * KEYS];
shared uint arrivals;

#if KV_TYPE == 0
vec2 unpack(uint word) { return unpackHalf2x16(word); }
#else
vec2 unpack(uint word) { return vec2(uintBitsToFloat(word), 0.0); }
#endif

uint tile_row(uint query) { return min(gl_WorkGroupID.x * ROWS + query / GROUP, p.n - 1u); }
bool query_exists(uint query) { return gl_WorkGroupID.x * ROWS + query / GROUP < p.n; }
uint page_base(uint slot, uint page, uint kv_head) {
  return (page_table[slot * p.pages_per_slot + page] * p.kv_heads + kv_head) * WORDS * kPageTokens;
}
uint head_start(uint query, uint stride) {
  return tile_row(query) * stride + (gl_WorkGroupID.y * GROUP + query % GROUP) * HEAD_DIM;
}
uint partial_start(uint split, uint query) {
  const uint tile = gl_WorkGroupID.x * p.kv_heads + gl_WorkGroupID.y;
  return ((tile * p.max_splits + split) * QUERIES + query) * PARTIAL;
}

float highest[QUERIES], total[QUERIES];
vec2 sums[QUERIES * WORDS_PER_LANE];

// Scores of KEYS keys from `first`, as exp(score - highest) in shared memory; scales the sums down where highest rose.
void score_keys(uint first, uint key_end, uint slot, uint kv_head, uint lane) {
  float score[QUERIES * KEYS_PER_LANE];
  for (uint i = 0u; i < KEYS_PER_LANE; ++i) {
    const uint key = min(first + lane + i * WG, key_end - 1u);
    const uint base = page_base(slot, key / kPageTokens, kv_head) + key % kPageTokens;
    for (uint t = 0u; t < QUERIES; ++t) score[t * KEYS_PER_LANE + i] = 0.0;
    for (uint w = 0u; w < WORDS; ++w) {
      const vec2 k = unpack(k_pool[base + w * kPageTokens]);
      for (uint t = 0u; t < QUERIES; ++t) {
        float s = queries[t * HEAD_DIM + w * VALUES] * k.x;
        if (VALUES == 2u) s += queries[t * HEAD_DIM + w * VALUES + VALUES - 1u] * k.y;
        score[t * KEYS_PER_LANE + i] += s;
      }
    }
  }
  for (uint t = 0u; t < QUERIES; ++t) {
    const uint last = step_rows[tile_row(t)].position;
    float here = LOWEST;
    for (uint i = 0u; i < KEYS_PER_LANE; ++i) {
      const uint key = first + lane + i * WG;
      if (key > last || key >= key_end) score[t * KEYS_PER_LANE + i] = LOWEST;
      here = max(here, score[t * KEYS_PER_LANE + i]);
    }
    const float risen = max(highest[t], reduce_max(here));
    const float shrink = exp(highest[t] - risen);
    highest[t] = risen;
    float added = 0.0;
    for (uint i = 0u; i < KEYS_PER_LANE; ++i) {
      const float s = score[t * KEYS_PER_LANE + i];
      const float weight = s == LOWEST ? 0.0 : exp(s - risen);
      added += weight;
      if (lane + i * WG < KEYS) weights[t * KEYS + lane + i * WG] = weight;
    }
    total[t] = total[t] * shrink + reduce_add(added);
    for (uint i = 0u; i < WORDS_PER_LANE; ++i) sums[t * WORDS_PER_LANE + i] *= shrink;
  }
}

void add_values(uint first, uint key_end, uint slot, uint kv_head, uint lane) {
  const uint count = min(KEYS, key_end - first);
  for (uint k = 0u; k < count; ++k) {
    const uint key = first + k;
    const uint base = page_base(slot, key / kPageTokens, kv_head) + (key % kPageTokens) * WORDS;
    for (uint i = 0u; i < WORDS_PER_LANE; ++i) {
      const uint w = min(lane + i * WG, WORDS - 1u);
      const vec2 v = unpack(v_pool[base + w]);
      for (uint t = 0u; t < QUERIES; ++t) sums[t * WORDS_PER_LANE + i] += weights[t * KEYS + k] * v;
    }
  }
}

void store(uint to, uint query, float factor, bool partial, uint lane) {
  for (uint i = 0u; i < WORDS_PER_LANE; ++i) {
    const uint w = lane + i * WG;
    if (w >= WORDS) continue;
    const vec2 value = sums[query * WORDS_PER_LANE + i] * factor;
    for (uint v = 0u; v < VALUES; ++v) {
      if (partial) partials[to + w * VALUES + v] = value[v];
      else y[to + w * VALUES + v] = value[v];
    }
  }
}

// Combines the splits of this tile in their order.
void merge(uint splits, uint lane) {
  for (uint t = 0u; t < QUERIES; ++t) {
    if (!query_exists(t)) continue;
    float top = LOWEST;
    for (uint s = 0u; s < splits; ++s) top = max(top, partials[partial_start(s, t) + HEAD_DIM]);
    float sum = 0.0;
    for (uint s = 0u; s < splits; ++s) {
      const uint from = partial_start(s, t);
      sum += partials[from + HEAD_DIM + 1u] * exp(partials[from + HEAD_DIM] - top);
    }
    for (uint d = lane; d < HEAD_DIM; d += WG) {
      float value = 0.0;
      for (uint s = 0u; s < splits; ++s) {
        const uint from = partial_start(s, t);
        value += partials[from + d] * exp(partials[from + HEAD_DIM] - top);
      }
      y[head_start(t, p.y_stride) + d] = value / sum;
    }
  }
}

void main() {
  const uint lane = gl_LocalInvocationID.x, kv_head = gl_WorkGroupID.y, split = gl_WorkGroupID.z;
  const uint last_row = min(gl_WorkGroupID.x * ROWS + ROWS - 1u, p.n - 1u);
  const uint slot = step_rows[last_row].slot, keys = step_rows[last_row].position + 1u;
  const uint split_keys = p.pages_per_split * kPageTokens;
  const uint splits = (keys + split_keys - 1u) / split_keys;
  if (split >= splits) return;

  for (uint i = lane; i < QUERIES * HEAD_DIM; i += WG)
    queries[i] = q[head_start(i / HEAD_DIM, p.q_stride) + i % HEAD_DIM] * p.scale;
  for (uint t = 0u; t < QUERIES; ++t) {
    highest[t] = LOWEST;
    total[t] = 0.0;
    for (uint i = 0u; i < WORDS_PER_LANE; ++i) sums[t * WORDS_PER_LANE + i] = vec2(0.0);
  }
  sync();

  const uint key_end = min(keys, (split + 1u) * split_keys);
  for (uint first = split * split_keys; first < key_end; first += KEYS) {
    score_keys(first, key_end, slot, kv_head, lane);
    sync();
    add_values(first, key_end, slot, kv_head, lane);
    sync();
  }

  if (splits == 1u) {
    for (uint t = 0u; t < QUERIES; ++t)
      if (query_exists(t)) store(head_start(t, p.y_stride), t, 1.0 / total[t], false, lane);
    return;
  }
  for (uint t = 0u; t < QUERIES; ++t) {
    const uint to = partial_start(split, t);
    store(to, t, 1.0, true, lane);
    if (lane == 0u) {
      partials[to + HEAD_DIM] = highest[t];
      partials[to + HEAD_DIM + 1u] = total[t];
    }
  }
  memoryBarrierBuffer();
  sync();
  if (lane == 0u) arrivals = atomicAdd(counters[gl_WorkGroupID.x * p.kv_heads + kv_head], 1u);
  sync();
  if (arrivals != splits - 1u) return;
  memoryBarrierBuffer();
  if (lane == 0u) counters[gl_WorkGroupID.x * p.kv_heads + kv_head] = 0u;
  merge(splits, lane);
}
