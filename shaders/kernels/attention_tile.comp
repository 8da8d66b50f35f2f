#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#define KV_VECTOR uvec2
#define KV_TOKENS 2
#define V_PAIRS
#define PREFILL
#include "lib/attention.glsl"

// Prefill on any device, without subgroup operations. Lanes form LANES (along the tokens of a page for the scores,
// along the words of a head for the values) x QUERIES / EACH; a lane holds EACH x TOKENS scores and, of EACH queries,
// the sums of its words. Of a wide head SHARES lanes have the same tokens, each a part of the scores' dimensions. Keys
// and values are read from the pages as they are, queries and weights from shared memory.
layout(local_size_x_id = 0) in;
layout(constant_id = 8) const uint SHARES = 1u;

const uint TOKEN_LANES = kAttentionTileLanes, TOKENS = kAttentionTileTokens, EACH = kAttentionTileQueries;
const uint LANES = SHARES * TOKEN_LANES;
const uint SHARE_QUADS = (BLOCKS + SHARES - 1u) / SHARES * BLOCK_QUADS;
const uint QUERY_STRIDE = (HEAD_DIM + kAttentionTilePadding) / 4u;       // vec4
const uint ROW_STRIDE = (QUERIES + kAttentionTilePadding) / EACH;        // vec4 of a token's weights
const uint QUADS_PER_LANE = (QUADS + LANES - 1u) / LANES;

shared vec4 queries[QUERIES * QUERY_STRIDE];
shared vec4 weights[kPageTokens * ROW_STRIDE];        // (token, four queries)
shared vec4 highest_of_lane[TOKEN_LANES * (QUERIES / EACH)];
shared vec4 score_parts[SHARES > 1u ? TOKENS * LANES * (QUERIES / EACH) : 1u];

uvec4 position;  // of each query
vec4 slopes;     // of its head
vec4 highest = vec4(NONE), total = vec4(0.0);
vec4 sums[QUADS_PER_LANE * 4u];  // (dimension, four queries)

uint query_index(uint i) { return min(gl_WorkGroupID.x * QUERIES + i, row_count() * GROUP - 1u); }

void stage_queries() {
  for (uint i = gl_LocalInvocationID.x; i < QUERIES * QUADS; i += gl_WorkGroupSize.x) {
    const uint from = query_start(query_index(i / QUADS)) + i % QUADS * 4u;
    queries[i / QUADS * QUERY_STRIDE + i % QUADS] = vec4(q[from], q[from + 1u], q[from + 2u], q[from + 3u]) * p.scale;
  }
}

// Adreno 630's compiler unrolls the loop over a head of 64 floats, and spills 162 registers.
#if KV_TYPE == 1
#define LOOP_OVER_QUADS [[dont_unroll]] for
#else
#define LOOP_OVER_QUADS for
#endif

// Scores of two tokens for four queries: a column for each token.
mat2x4 score_keys(uint base, uint share, uint group) {
  mat2x4 score = mat2x4(0.0);
  vec2 scales[KV_TOKENS];
  const uint begin = share * SHARE_QUADS, end = SHARES == 1u ? QUADS : min(begin + SHARE_QUADS, QUADS);
  LOOP_OVER_QUADS(uint quad = begin; quad < end; ++quad) {
    vec4 k[KV_TOKENS];
    if (quad % BLOCK_QUADS == 0u) load_k_scales(base, quad / BLOCK_QUADS, scales);
    load_k(base, quad, scales, k);
    [[unroll]] for (uint i = 0u; i < EACH; ++i) {
      const vec4 query = queries[(group * EACH + i) * QUERY_STRIDE + quad];
      [[unroll]] for (uint t = 0u; t < TOKENS; ++t) score[t][i] += dot(query, k[t]);
    }
  }
  return score;
}

// The scores of all shares, which each of them has then.
mat2x4 add_shares(mat2x4 score, uint lane, uint group) {
  if (SHARES == 1u) return score;
  const uint to = group * LANES, token_lane = lane % TOKEN_LANES;
  [[unroll]] for (uint t = 0u; t < TOKENS; ++t) score_parts[(to + lane) * TOKENS + t] = score[t];
  barrier();
  score = mat2x4(0.0);
  [[unroll]] for (uint i = 0u; i < SHARES; ++i)
    [[unroll]] for (uint t = 0u; t < TOKENS; ++t)
      score[t] += score_parts[(to + i * TOKEN_LANES + token_lane) * TOKENS + t];
  return score;
}

// Scores become weights in shared memory; scales the sums down where the highest score rose.
void weigh(mat2x4 score, uint first, uint share, uint lane, uint group) {
  [[unroll]] for (uint t = 0u; t < TOKENS; ++t)
    score[t] = seen(score[t], first + lane * TOKENS + t, position, slopes);
  if (share == 0u) highest_of_lane[group * TOKEN_LANES + lane] = max(score[0], score[1]);
  barrier();
  vec4 risen = highest;
  [[unroll]] for (uint i = 0u; i < TOKEN_LANES; ++i) risen = max(risen, highest_of_lane[group * TOKEN_LANES + i]);
  const vec4 shrink = exp(highest - risen);
  highest = risen;
  total *= shrink;
  [[unroll]] for (uint i = 0u; i < QUADS_PER_LANE * 4u; ++i) sums[i] *= shrink;
  [[unroll]] for (uint t = 0u; t < TOKENS; ++t)
    if (share == 0u) weights[(lane * TOKENS + t) * ROW_STRIDE + group] = exp(score[t] - risen);
  barrier();
}

void add_values(uint page, uint count, uint lane, uint group) {
  for (uint t = 0u; t < count; ++t) {
    const vec4 weight = weights[t * ROW_STRIDE + group];
    total += weight;
    [[unroll]] for (uint i = 0u; i < QUADS_PER_LANE; ++i) {
      const vec4 v = load_v(page, t, min(lane + i * LANES, QUADS - 1u));
      [[unroll]] for (uint d = 0u; d < 4u; ++d) sums[4u * i + d] += weight * v[d];
    }
  }
}

// Through the queries' shared memory, (dimension, four queries).
#define HADAMARD_VALUE vec4
#define HADAMARD_AT(i) queries[(i) * (QUERIES / EACH) + gl_LocalInvocationID.x / LANES]
#define HADAMARD_SYNC barrier
#include "lib/hadamard.glsl"

void rotate_back(uint lane) {
  barrier();
  [[unroll]] for (uint i = 0u; i < QUADS_PER_LANE; ++i) {
    const uint quad = lane + i * LANES;
    if (quad < QUADS) [[unroll]] for (uint d = 0u; d < 4u; ++d) HADAMARD_AT(4u * quad + d) = sums[4u * i + d];
  }
  barrier();
  hadamard(HEAD_DIM, V_ROTATION, lane, LANES);
  [[unroll]] for (uint i = 0u; i < QUADS_PER_LANE; ++i) {
    const uint quad = min(lane + i * LANES, QUADS - 1u);
    [[unroll]] for (uint d = 0u; d < 4u; ++d) sums[4u * i + d] = HADAMARD_AT(4u * quad + d);
  }
  total *= sqrt(float(V_ROTATION));
}

void store(uint lane, uint group) {
  [[unroll]] for (uint i = 0u; i < EACH; ++i) {
    const uint index = gl_WorkGroupID.x * QUERIES + group * EACH + i;
    if (index >= row_count() * GROUP) continue;
    total[i] += sink_weight(index % GROUP, highest[i]) * sqrt(float(V_ROTATION));
    const uint to = query_result(index);
    [[unroll]] for (uint j = 0u; j < QUADS_PER_LANE; ++j) {
      const uint quad = lane + j * LANES;
      if (quad >= VALUE_DIM / 4u) continue;
      [[unroll]] for (uint d = 0u; d < 4u; ++d) y[to + 4u * quad + d] = sums[4u * j + d][i] / total[i];
    }
  }
}

void main() {
  const uint lane = gl_LocalInvocationID.x % LANES, group = gl_LocalInvocationID.x / LANES;
  const uint share = SHARES == 1u ? 0u : lane / TOKEN_LANES, token_lane = lane % TOKEN_LANES;
  if (TEXTS && gl_WorkGroupID.x * QUERIES >= row_count() * GROUP) return;
  const StepRow last_row = row_at(query_index(QUERIES - 1u) / GROUP);
  const uint last = last_seen(last_row.position);
  stage_queries();
  [[unroll]] for (uint i = 0u; i < EACH; ++i) {
    position[i] = row_at(query_index(group * EACH + i) / GROUP).position;
    slopes[i] = slope_of(query_index(group * EACH + i) % GROUP);
  }
  [[unroll]] for (uint i = 0u; i < QUADS_PER_LANE * 4u; ++i) sums[i] = vec4(0.0);
  barrier();
  const uint first_position = row_at(query_index(0u) / GROUP).position;
  const uint begin_at = first_seen(first_position) / kPageTokens * kPageTokens;
  for (uint first = begin_at; first <= last; first += kPageTokens) {
    const uint keys = k_page_base(last_row.slot, first / kPageTokens, gl_WorkGroupID.y) / KV_TOKENS;
    const mat2x4 score = add_shares(score_keys(keys + token_lane, share, group), lane, group);
    weigh(score, first, share, token_lane, group);
    const uint page = v_page_base(last_row.slot, first / kPageTokens, gl_WorkGroupID.y);
    add_values(page, min(kPageTokens, last + 1u - first), lane, group);
  }
  if (V_ROTATION > 1u) rotate_back(lane);
  store(lane, group);
}
