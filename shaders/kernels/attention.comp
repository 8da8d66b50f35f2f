#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "lib/reduce.glsl"
#if KV_TYPE != 2
#define APPENDS
#define OF_HEADS_BINDING 9
#else
#define OF_HEADS_BINDING 8
#endif
#define KV_VECTOR uvec4
#define KV_TOKENS 4
#define V_PAIRS
#include "lib/attention.glsl"
#include "lib/attention_decode.glsl"

// Decode. Each subgroup of a workgroup takes rounds of KEYS keys of the split and has sums of its own, which are added
// up in the end. For the scores a lane has four keys and a part of the dimensions, for the values every TOKEN_LANES-th
// key and LANE_QUADS quads of dimensions. AHEAD vectors are loaded before the first is used: a decode step is over
// before enough waves have come to hide that they wait. A subgroup has QUERIES heads, whose sums stay in registers; of
// a larger group SETS subgroups take the same keys at the same time, and the rest takes further passes.
layout(constant_id = 8) const uint AHEAD = 8u;  // vectors of 16 bytes, at least 4

layout(constant_id = 9) const uint SETS = 1u;

const uint HEADS = SETS * QUERIES, PASSES = (GROUP + HEADS - 1u) / HEADS;
const uint SHARES = SUBGROUPS / SETS;  // of a split's keys
const uint KEYS = LANES > kPageTokens ? LANES : kPageTokens;
const uint KEYS_PER_LANE = KEYS / LANES;

// Scores: KEY_LANES x PARTS lanes. A part of the dimensions is loaded in pieces of K_AHEAD quads.
const uint KEY_LANES = KEYS / KV_TOKENS, PARTS = LANES / KEY_LANES;
const uint K_MOST = AHEAD / (K_TYPE == kKvF16 ? 2u : K_TYPE == kKvF32 ? 4u : 1u);
const uint K_AHEAD = K_MOST > BLOCK_QUADS ? BLOCK_QUADS : K_MOST;
const uint PART_QUADS = (QUADS + PARTS * K_AHEAD - 1u) / (PARTS * K_AHEAD) * K_AHEAD;
const uint QUERY_QUADS = PARTS * PART_QUADS;  // those behind the head's are zero
const uint LAST_PIECE = (QUADS - 1u) / K_AHEAD * K_AHEAD;

// Values: QUAD_LANES x TOKEN_LANES lanes, V_AHEAD tokens of a lane at once.
const uint TOKEN_LANES = LANES >= 32u * QUADS ? 32u : LANES >= 16u * QUADS ? 16u : LANES >= 8u * QUADS ? 8u
                         : LANES >= 4u * QUADS ? 4u : LANES >= 2u * QUADS ? 2u : 1u;
const uint QUAD_LANES = LANES / TOKEN_LANES, LANE_QUADS = (QUADS + QUAD_LANES - 1u) / QUAD_LANES;
const uint V_MOST = AHEAD * (V_TYPE == kKvF32 ? 1u : 2u) / LANE_QUADS, LANE_TOKENS = kPageTokens / TOKEN_LANES;
const uint V_POWER = V_MOST >= 16u ? 16u : V_MOST >= 8u ? 8u : V_MOST >= 4u ? 4u : V_MOST >= 2u ? 2u : 1u;
const uint V_AHEAD = V_POWER > LANE_TOKENS ? LANE_TOKENS : V_POWER;

shared vec4 queries[HEADS * QUERY_QUADS];
shared vec4 sums_of_lanes[SUBGROUPS * QUERIES * LANE_QUADS * LANES];  // in a round the parts of its scores
shared float weights[SUBGROUPS * KEYS * QUERIES];
shared vec2 ends[SUBGROUPS * QUERIES];  // highest score and sum of the weights

uint own_set() { return own_subgroup() % SETS; }
uint queries_start(uint query) { return (own_set() * QUERIES + query) * QUERY_QUADS; }

float highest[QUERIES], total[QUERIES];  // total: of this lane
vec4 sums[QUERIES * LANE_QUADS];

// Where quad i of a subgroup's lanes begins in sums_of_lanes.
uint lanes_start(uint subgroup, uint query, uint i) {
  return ((subgroup * QUERIES + query) * LANE_QUADS + i) * LANES;
}

// Scores of this lane's four keys from `first` on over its part of the dimensions, into shared memory.
void score_keys(uint first, uint last, uint slot, uint lane) {
  const uint key = lane % KEY_LANES * KV_TOKENS, begin = lane / KEY_LANES * PART_QUADS;
  uint base = 0u;
  [[unroll]] for (uint page = 0u; page < KEYS / kPageTokens; ++page) {
    const uint here = k_page_base(slot, min(first / kPageTokens + page, last / kPageTokens), gl_WorkGroupID.y);
    if (key / kPageTokens == page) base = here;
  }
  base = (base + key % kPageTokens) / KV_TOKENS;
  vec4 score[QUERIES];
  for (uint t = 0u; t < QUERIES; ++t) score[t] = vec4(0.0);
  [[dont_unroll]] for (uint piece = 0u; piece < PART_QUADS; piece += K_AHEAD) {
    const uint quad = begin + piece, stored = QUERY_QUADS == QUADS ? quad : min(quad, LAST_PIECE);
    const uint from = base + kv_value_words(K_TYPE, 4u * stored) * (kPageTokens / KV_TOKENS);
    KV_VECTOR words[K_AHEAD][4], scale_words = KV_VECTOR(0u);
    if (in_blocks(K_TYPE)) scale_words = k_scale_words(base, stored / BLOCK_QUADS);
    [[unroll]] for (uint j = 0u; j < K_AHEAD; ++j)
      load_k_words(from, QUADS % K_AHEAD == 0u ? j : min(j, QUADS - 1u - stored), words[j]);
    vec2 scales[KV_TOKENS];
    scales_of(scale_words, stored / BLOCK_QUADS, scales);
    [[unroll]] for (uint j = 0u; j < K_AHEAD; ++j) {
      vec4 k[KV_TOKENS];
      keys_of(words[j], j, scales, k);
      for (uint t = 0u; t < QUERIES; ++t) {
        const vec4 query = queries[queries_start(t) + quad + j];
        [[unroll]] for (uint i = 0u; i < KV_TOKENS; ++i) score[t][i] = fma_dot(query, k[i], score[t][i]);
      }
    }
  }
  for (uint t = 0u; t < QUERIES; ++t) sums_of_lanes[lanes_start(own_subgroup(), t, 0u) + lane] = score[t];
}

// Scores become exp(score - highest) in shared memory; scales the sums down where highest rose.
void weigh_keys(uint first, uint last, uint position, uint first_head, uint lane) {
  for (uint t = 0u; t < QUERIES; ++t) {
    const float slope = slope_of(min(first_head + own_set() * QUERIES + t, GROUP - 1u));
    float score[KEYS_PER_LANE], here = LOWEST;
    for (uint i = 0u; i < KEYS_PER_LANE; ++i) {
      const uint key = lane + i * LANES, from = lanes_start(own_subgroup(), t, 0u) + key / KV_TOKENS;
      score[i] = 0.0;
      [[unroll]] for (uint part = 0u; part < PARTS; ++part)
        score[i] += sums_of_lanes[from + part * KEY_LANES][key % KV_TOKENS];
      score[i] = seen(score[i], first + key, last, position, slope);
      here = max(here, score[i]);
    }
    const float risen = max(highest[t], reduce_max(here)), shrink = exp(highest[t] - risen);
    highest[t] = risen;
    total[t] *= shrink;
    for (uint i = 0u; i < KEYS_PER_LANE; ++i) {
      const float weight = exp(score[i] - risen);
      total[t] += weight;
      weights[(own_subgroup() * KEYS + lane + i * LANES) * QUERIES + t] = weight;
    }
    for (uint i = 0u; i < LANE_QUADS; ++i) sums[t * LANE_QUADS + i] *= shrink;
  }
}

// Of the keys from `first` on in one page; those behind the last weigh nothing.
void add_values(uint first, uint last, uint weight, uint slot, uint lane) {
  const uint page = v_page_base(slot, first / kPageTokens, gl_WorkGroupID.y), last_token = last - first;
  const uint token_lane = lane / QUAD_LANES, quad_lane = lane % QUAD_LANES;
  for (uint begin = 0u; begin < kPageTokens; begin += V_AHEAD * TOKEN_LANES) {
    uvec4 words[V_AHEAD * LANE_QUADS];
    [[unroll]] for (uint j = 0u; j < V_AHEAD; ++j) {
      const uint token = min(begin + j * TOKEN_LANES + token_lane, last_token);
      for (uint i = 0u; i < LANE_QUADS; ++i)
        words[j * LANE_QUADS + i] = load_v_words(page, token, min(quad_lane + i * QUAD_LANES, QUADS - 1u));
    }
    [[unroll]] for (uint j = 0u; j < V_AHEAD; ++j) {
      const uint from = (weight + begin + j * TOKEN_LANES + token_lane) * QUERIES;
      for (uint i = 0u; i < LANE_QUADS; ++i) {
        const vec4 v = values_of(words[j * LANE_QUADS + i], min(quad_lane + i * QUAD_LANES, QUADS - 1u));
        for (uint t = 0u; t < QUERIES; ++t)
          sums[t * LANE_QUADS + i] = fma(vec4(weights[from + t]), v, sums[t * LANE_QUADS + i]);
      }
    }
    if (V_AHEAD * TOKEN_LANES < kPageTokens && begin + V_AHEAD * TOKEN_LANES > last_token) break;
  }
}

// Adds up what the subgroups have, a head a subgroup, as a part of the result or as the result itself.
void finish_pass(uint first_head, uint split, bool whole, uint lane) {
  for (uint t = 0u; t < QUERIES; ++t) {
    const float all = reduce_add(total[t]);
    if (lane == 0u) ends[own_subgroup() * QUERIES + t] = vec2(highest[t], all);
    for (uint i = 0u; i < LANE_QUADS; ++i)
      sums_of_lanes[lanes_start(own_subgroup(), t, i) + lane] = sums[t * LANE_QUADS + i];
  }
  sync_subgroups();
  for (uint first = 0u; first < HEADS; first += SUBGROUPS) {
    const uint head = first + own_subgroup(), to = part_start(first_head + head, split, whole);
    const uint set = head / QUERIES, t = head % QUERIES;
    const bool any = head < HEADS && first_head + head < GROUP;
    float top = NONE, all = 0.0, factor[SHARES];
    if (any) {
      [[unroll]] for (uint s = 0u; s < SHARES; ++s) top = max(top, ends[(s * SETS + set) * QUERIES + t].x);
      [[unroll]] for (uint s = 0u; s < SHARES; ++s) {
        const vec2 end = ends[(s * SETS + set) * QUERIES + t];
        factor[s] = exp(end.x - top);
        all += end.y * factor[s];
      }
      if (whole) all += sink_weight(first_head + head, top);
      for (uint w = lane; w < WORDS; w += LANES) {
        const uint quad = w * VALUES / 4u, d = w * VALUES % 4u;
        Values value = Values(0.0);
        [[unroll]] for (uint s = 0u; s < SHARES; ++s) {
          const uint from = lanes_start(s * SETS + set, t, quad / QUAD_LANES) + quad % QUAD_LANES;
          for (uint i = 0u; i < TOKEN_LANES; ++i)
            value += factor[s] * VALUES_AT(sums_of_lanes[from + i * QUAD_LANES], d);
        }
        store_word(to, w, whole, whole ? value / all : value);
      }
    }
    finish_head(to, whole, any, top, all, lane);
  }
}

// The queries of a pass in shared memory, scaled.
void load_queries(uint first_head, uint position) {
  [[dont_unroll]] for (uint i = gl_LocalInvocationID.x; i < 4u * QUERY_QUADS; i += WG) {
    const uint d = min(i, HEAD_DIM - 1u);
    float query[HEADS];
#ifdef APPENDS
    float partner[HEADS];
#endif
    for (uint t = 0u; t < HEADS; ++t) {
      const uint from = head_start(gl_WorkGroupID.x, min(first_head + t, GROUP - 1u));
      query[t] = q[from + d];
#ifdef APPENDS
      if (APPEND) partner[t] = q[from + rope_partner(d)];
#endif
    }
#ifdef APPENDS
    if (APPEND) {
      const vec2 factors = rope_factors(d, position);
      const float extra = query_factor(d, position);
      for (uint t = 0u; t < HEADS; ++t) query[t] = rotated(query[t], partner[t], d, factors) * extra;
    }
#endif
    for (uint t = 0u; t < HEADS; ++t) queries[t * QUERY_QUADS + i / 4u][i % 4u] = i == d ? query[t] * p.scale : 0.0;
  }
}

// The sums before any page.
void begin() {
  for (uint t = 0u; t < QUERIES; ++t) {
    highest[t] = NONE;
    total[t] = 0.0;
    for (uint i = 0u; i < LANE_QUADS; ++i) sums[t * LANE_QUADS + i] = vec4(0.0);
  }
}

#ifdef APPENDS
// The sums with the row's own key and value, which it stores.
void begin_with_own(StepRow row, uint first_head, uint lane) {
  float score[QUERIES];
  for (uint t = 0u; t < QUERIES; ++t) score[t] = 0.0;
  for (uint i = 0u; i < LANE_QUADS; ++i) {
    const uint quad = lane + i * QUAD_LANES;
    if (lane >= QUAD_LANES || quad >= QUADS) break;
    vec4 key, value;
    [[unroll]] for (uint d = 0u; d < 4u; d += VALUES) {
      const uint w = (4u * quad + d) / VALUES;
      const uint key_word = own_key(w, row.position + row.turn), value_word = own_value(w);
      STORE_VALUES(key, d, unpack(key_word));
      STORE_VALUES(value, d, unpack(value_word));
      if (own_set() == 0u) store_own(row, w, key_word, value_word);
    }
    for (uint t = 0u; t < QUERIES; ++t) {
      score[t] = fma_dot(queries[queries_start(t) + quad], key, score[t]);
      sums[t * LANE_QUADS + i] = value;
    }
  }
  for (uint t = 0u; t < QUERIES; ++t) {
    const uint head = min(first_head + own_set() * QUERIES + t, GROUP - 1u);
    highest[t] = capped(reduce_add(score[t])) + own_bias(head);
    total[t] = lane == 0u ? 1.0 : 0.0;
  }
}
#endif

void main() {
  const uint subgroup = own_subgroup(), share = subgroup / SETS, lane = own_lane(), split = gl_WorkGroupID.z;
  const StepRow row = step_rows[gl_WorkGroupID.x];
  const uint slot = row.slot, splits = count_splits(row.position);
  if (split >= splits || gl_WorkGroupID.y >= p.kv_heads) return;  // counts are of the layer with the most
  const uint split_begin = (first_split(row.position) + split) * SPLIT_TOKENS;
  const uint begin_at = max(split_begin, first_seen(row.position) / kPageTokens * kPageTokens);
  const uint key_end = min(stored_keys(row.position), split_begin + SPLIT_TOKENS), last = key_end - 1u;

  for (uint pass = 0u; pass < PASSES; ++pass) {
    load_queries(pass * HEADS, row.position + row.turn);
    begin();
    sync_subgroups();
#ifdef APPENDS
    if (APPEND && split == splits - 1u && share == SHARES - 1u) begin_with_own(row, pass * HEADS, lane);
#endif
    // Every subgroup goes through all rounds: the software driver of Mesa 26 takes sync() for a barrier of all of them.
    for (uint round = begin_at; round < key_end; round += SHARES * KEYS) {
      const uint first = round + share * KEYS;
      if (first < key_end) score_keys(first, last, slot, lane);
      sync();
      if (first < key_end) weigh_keys(first, last, row.position, pass * HEADS, lane);
      sync();
      for (uint k = 0u; k < KEYS && first + k < key_end; k += kPageTokens)
        add_values(first + k, last, subgroup * KEYS + k, slot, lane);
      sync();
    }
    finish_pass(pass * HEADS, split, splits == 1u, lane);
  }
  if (splits > 1u) finish_splits(splits);
}
