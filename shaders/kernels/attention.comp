#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "lib/reduce.glsl"
#if KV_TYPE != 2
#define APPENDS
#endif
#include "lib/attention.glsl"
#include "lib/attention_decode.glsl"

// Decode. Lanes lie along the keys for the scores and along the words of a head for the values. Large groups are taken
// in passes of QUERIES heads, so that their sums stay in registers. The loop that rotates is not unrolled: Intel's Gen9
// spilled 5 registers of them (Mesa 26).
const uint PASSES = (GROUP + QUERIES - 1u) / QUERIES;
const uint KEYS = WG > kPageTokens ? WG : kPageTokens;  // keys of one round
const uint KEYS_PER_LANE = (KEYS + WG - 1u) / WG;
const uint WORDS_PER_LANE = (WORDS + WG - 1u) / WG;

// Word i of a lane's words of a head. WIDE: a lane has quads of dimensions, where they are enough for all lanes.
#if KV_TYPE == 2
const bool WIDE = QUADS % WG == 0u;
uint word_of(uint lane, uint i) { return WIDE ? 2u * (lane + i / 2u * WG) + i % 2u : lane + i * WG; }
#else
uint word_of(uint lane, uint i) { return lane + i * WG; }
#endif

shared float queries[QUERIES * HEAD_DIM];
shared float weights[QUERIES * KEYS];

float highest[QUERIES], total[QUERIES];
Values sums[QUERIES * WORDS_PER_LANE];

// Scores of KEYS keys from `first`, as exp(score - highest) in shared memory; scales the sums down where highest rose.
void score_keys(uint first, uint key_end, uint slot, uint lane) {
  float score[QUERIES * KEYS_PER_LANE];
  for (uint i = 0u; i < KEYS_PER_LANE; ++i) {
    const uint key = min(first + lane + i * WG, key_end - 1u);
    const uint base = k_page_base(slot, key / kPageTokens, gl_WorkGroupID.y) + key % kPageTokens;
    for (uint t = 0u; t < QUERIES; ++t) score[t * KEYS_PER_LANE + i] = 0.0;
#if KV_TYPE == 2
    for (uint block = 0u; block < BLOCKS; ++block) {
      vec2 scales[1];
      load_k_scales(base, block, scales);
      [[unroll]] for (uint j = 0u; j < BLOCK_QUADS; ++j) {
        const uint quad = block * BLOCK_QUADS + j;
        if (quad >= QUADS) break;
        vec4 k[1];
        load_k(base, quad, scales, k);
        for (uint t = 0u; t < QUERIES; ++t) {
          const uint d = t * HEAD_DIM + 4u * quad;
          const vec4 query = vec4(queries[d], queries[d + 1u], queries[d + 2u], queries[d + 3u]);
          score[t * KEYS_PER_LANE + i] += dot(query, k[0]);
        }
      }
    }
#else
    for (uint w = 0u; w < WORDS; ++w) {
      const Values k = unpack(k_words(base, w));
      for (uint t = 0u; t < QUERIES; ++t)
        score[t * KEYS_PER_LANE + i] += dot(VALUES_AT(queries, t * HEAD_DIM + w * VALUES), k);
    }
#endif
  }
  for (uint t = 0u; t < QUERIES; ++t) {
    float here = LOWEST;
    for (uint i = 0u; i < KEYS_PER_LANE; ++i) {
      score[t * KEYS_PER_LANE + i] = seen(score[t * KEYS_PER_LANE + i], first + lane + i * WG, key_end - 1u);
      here = max(here, score[t * KEYS_PER_LANE + i]);
    }
    const float risen = max(highest[t], reduce_max(here));
    const float shrink = exp(highest[t] - risen);
    highest[t] = risen;
    float added = 0.0;
    for (uint i = 0u; i < KEYS_PER_LANE; ++i) {
      const float weight = exp(score[t * KEYS_PER_LANE + i] - risen);
      added += weight;
      if (lane + i * WG < KEYS) weights[t * KEYS + lane + i * WG] = weight;
    }
    total[t] = total[t] * shrink + reduce_add(added);
    for (uint i = 0u; i < WORDS_PER_LANE; ++i) sums[t * WORDS_PER_LANE + i] *= shrink;
  }
}

void add_values(uint first, uint key_end, uint slot, uint lane) {
  const uint count = min(KEYS, key_end - first);
  for (uint k = 0u; k < count; ++k) {
    const uint key = first + k;
    const uint page = v_page_base(slot, key / kPageTokens, gl_WorkGroupID.y);
#if KV_TYPE == 2
    if (WIDE) {
      for (uint i = 0u; i < WORDS_PER_LANE; i += 2u) {
        const vec4 v = load_v(page, key % kPageTokens, word_of(lane, i) / 2u);
        for (uint t = 0u; t < QUERIES; ++t) {
          sums[t * WORDS_PER_LANE + i] += weights[t * KEYS + k] * v.xy;
          sums[t * WORDS_PER_LANE + i + 1u] += weights[t * KEYS + k] * v.zw;
        }
      }
      continue;
    }
#endif
    for (uint i = 0u; i < WORDS_PER_LANE; ++i) {
      const uint w = min(word_of(lane, i), WORDS - 1u);
      const Values v = load_v_word(page, key % kPageTokens, w);
      for (uint t = 0u; t < QUERIES; ++t) sums[t * WORDS_PER_LANE + i] += weights[t * KEYS + k] * v;
    }
  }
}

// The words of this lane, as a part of the result or as the result itself.
void store(uint head, uint query, uint split, bool whole, uint lane) {
  const uint to = result_start(head, split, whole);
  const float divisor = whole ? total[query] : 1.0;
  for (uint i = 0u; i < WORDS_PER_LANE; ++i) {
    const uint w = word_of(lane, i);
    if (w < WORDS) store_word(to, w, whole, sums[query * WORDS_PER_LANE + i] / divisor);
  }
  finish_head(to, whole, highest[query], total[query], lane);
}

// The queries of a pass in shared memory, scaled.
void load_queries(uint first_head, uint position, uint lane) {
  [[dont_unroll]] for (uint d = lane; d < HEAD_DIM; d += WG) {
#ifdef APPENDS
    const vec2 factors = APPEND ? rope_factors(d, position) : vec2(1.0, 0.0);
#endif
    for (uint t = 0u; t < QUERIES; ++t) {
      const uint from = head_start(gl_WorkGroupID.x, min(first_head + t, GROUP - 1u), p.q_stride);
#ifdef APPENDS
      const float query = APPEND ? rotated(from, d, factors) : q[from + d];
#else
      const float query = q[from + d];
#endif
      queries[t * HEAD_DIM + d] = query * p.scale;
    }
  }
}

// The sums before any page.
void begin() {
  for (uint t = 0u; t < QUERIES; ++t) {
    highest[t] = LOWEST;
    total[t] = 0.0;
    for (uint i = 0u; i < WORDS_PER_LANE; ++i) sums[t * WORDS_PER_LANE + i] = Values(0.0);
  }
}

#ifdef APPENDS
// The sums with the row's own key and value, which it stores.
void begin_with_own(StepRow row, uint lane) {
  float score[QUERIES];
  for (uint t = 0u; t < QUERIES; ++t) score[t] = 0.0;
  for (uint i = 0u; i < WORDS_PER_LANE; ++i) {
    const uint w = word_of(lane, i);
    if (w >= WORDS) break;
    const uint key_word = own_key(w, row.position), value_word = own_value(w);
    const Values key = unpack(key_word), value = unpack(value_word);
    store_own(row, w, key_word, value_word);
    for (uint t = 0u; t < QUERIES; ++t) {
      score[t] += dot(VALUES_AT(queries, t * HEAD_DIM + w * VALUES), key);
      sums[t * WORDS_PER_LANE + i] = value;
    }
  }
  for (uint t = 0u; t < QUERIES; ++t) {
    highest[t] = reduce_add(score[t]);
    total[t] = 1.0;
  }
}
#endif

void main() {
  const uint lane = gl_LocalInvocationID.x, split = gl_WorkGroupID.z;
  const StepRow row = step_rows[gl_WorkGroupID.x];
  const uint slot = row.slot, splits = row.position / SPLIT_TOKENS + 1u;
  if (split >= splits) return;
  const uint key_end = min(stored_keys(row.position), (split + 1u) * SPLIT_TOKENS);

  for (uint pass = 0u; pass < PASSES; ++pass) {
    const uint first_head = pass * QUERIES;
    sync();
    load_queries(first_head, row.position, lane);
    begin();
    sync();
#ifdef APPENDS
    if (APPEND && split == splits - 1u) begin_with_own(row, lane);
#endif
    for (uint first = split * SPLIT_TOKENS; first < key_end; first += KEYS) {
      score_keys(first, key_end, slot, lane);
      sync();
      add_values(first, key_end, slot, lane);
      sync();
    }
    for (uint t = 0u; t < QUERIES; ++t)
      if (first_head + t < GROUP) store(first_head + t, t, split, splits == 1u, lane);
  }
  if (splits > 1u) finish_splits(splits);
}
