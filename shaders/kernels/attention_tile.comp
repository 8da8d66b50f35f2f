#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#define KV_VECTOR uvec2
#define KV_TOKENS 2
#include "lib/attention.glsl"

// Prefill on any device, without subgroup operations. Lanes form LANES (along the tokens of a page for the scores, along
// the words of a head for the values) x QUERIES / EACH; a lane holds EACH x TOKENS scores and, of EACH queries, the sums
// of its words. Keys and values are read from the pages as they are, queries and weights from shared memory.
layout(local_size_x_id = 0) in;

const uint LANES = kAttentionTileLanes, TOKENS = kAttentionTileTokens, EACH = kAttentionTileQueries;
#if KV_TYPE != 2
const uint QUADS = HEAD_DIM / 4u;                                        // vec4 of a head
#endif
const uint QUERY_STRIDE = (HEAD_DIM + kAttentionTilePadding) / 4u;       // vec4
const uint ROW_STRIDE = (QUERIES + kAttentionTilePadding) / EACH;        // vec4 of a token's weights
const uint PAIRS = WORDS / 2u, PAIRS_PER_LANE = (PAIRS + LANES - 1u) / LANES;

shared vec4 queries[QUERIES * QUERY_STRIDE];
shared vec4 weights[kPageTokens * ROW_STRIDE];        // (token, four queries)
shared vec4 highest_of_lane[LANES * (QUERIES / EACH)];

uvec4 last;  // key that each query sees
vec4 highest = vec4(LOWEST), total = vec4(0.0);
vec4 sums[PAIRS_PER_LANE * 2u * VALUES];  // (dimension, four queries)

uint query_index(uint i) { return min(gl_WorkGroupID.x * QUERIES + i, p.n * GROUP - 1u); }
uint head_start(uint index, uint stride) {
  return index / GROUP * stride + (gl_WorkGroupID.y * GROUP + index % GROUP) * HEAD_DIM;
}

void stage_queries() {
  for (uint i = gl_LocalInvocationID.x; i < QUERIES * QUADS; i += gl_WorkGroupSize.x) {
    const uint from = head_start(query_index(i / QUADS), p.q_stride) + i % QUADS * 4u;
    queries[i / QUADS * QUERY_STRIDE + i % QUADS] = vec4(q[from], q[from + 1u], q[from + 2u], q[from + 3u]) * p.scale;
  }
}

// Scores of two tokens for four queries: a column for each token.
mat2x4 score_keys(uint base, uint group) {
  mat2x4 score = mat2x4(0.0);
#if KV_TYPE == 2
  vec2 scales[KV_TOKENS];
#endif
  for (uint quad = 0u; quad < QUADS; ++quad) {
#if KV_TYPE == 2
    vec4 k[KV_TOKENS];
    if (quad % BLOCK_QUADS == 0u) load_k_scales(base, quad / BLOCK_QUADS, scales);
    load_k(base, quad, scales, k);
    const vec4 k0 = k[0], k1 = k[1];
#elif KV_TYPE == 0
    const uvec2 a = k_pool[base + 2u * quad * (kPageTokens / 2u)], b = k_pool[base + (2u * quad + 1u) * (kPageTokens / 2u)];
    const vec4 k0 = vec4(unpack(a.x), unpack(b.x)), k1 = vec4(unpack(a.y), unpack(b.y));
#else
    vec4 k0, k1;
    [[unroll]] for (uint i = 0u; i < 4u; ++i) {
      const uvec2 word = k_pool[base + (4u * quad + i) * (kPageTokens / 2u)];
      k0[i] = unpack(word.x);
      k1[i] = unpack(word.y);
    }
#endif
    [[unroll]] for (uint i = 0u; i < EACH; ++i) {
      const vec4 query = queries[(group * EACH + i) * QUERY_STRIDE + quad];
      score[0][i] += dot(query, k0);
      score[1][i] += dot(query, k1);
    }
  }
  return score;
}

// Scores become weights in shared memory; scales the sums down where the highest score rose.
void weigh(mat2x4 score, uint first, uint lane, uint group) {
  [[unroll]] for (uint t = 0u; t < TOKENS; ++t)
    score[t] = mix(score[t], vec4(LOWEST), greaterThan(uvec4(first + lane * TOKENS + t), last));
  highest_of_lane[group * LANES + lane] = max(score[0], score[1]);
  barrier();
  vec4 risen = highest;
  [[unroll]] for (uint i = 0u; i < LANES; ++i) risen = max(risen, highest_of_lane[group * LANES + i]);
  const vec4 shrink = exp(highest - risen);
  highest = risen;
  total *= shrink;
  [[unroll]] for (uint i = 0u; i < PAIRS_PER_LANE * 2u * VALUES; ++i) sums[i] *= shrink;
  [[unroll]] for (uint t = 0u; t < TOKENS; ++t)
    weights[(lane * TOKENS + t) * ROW_STRIDE + group] = exp(score[t] - risen);
  barrier();
}

void add_values(uint base, uint count, uint lane, uint group) {
  for (uint t = 0u; t < count; ++t) {
    const vec4 weight = weights[t * ROW_STRIDE + group];
    total += weight;
    [[unroll]] for (uint i = 0u; i < PAIRS_PER_LANE; ++i) {
#if KV_TYPE == 2
      const vec4 four = load_v(base, t, min(lane + i * LANES, PAIRS - 1u));
      [[unroll]] for (uint d = 0u; d < 4u; ++d) sums[4u * i + d] += weight * four[d];
#else
      const uvec2 words = v_pool[base + t * PAIRS + min(lane + i * LANES, PAIRS - 1u)];
      [[unroll]] for (uint j = 0u; j < 2u; ++j) {
        const Values v = unpack(words[j]);
        const uint d = (2u * i + j) * VALUES;
#if KV_TYPE == 0
        sums[d] += weight * v.x;
        sums[d + 1u] += weight * v.y;
#else
        sums[d] += weight * v;
#endif
      }
#endif
    }
  }
}

#if KV_TYPE == 2
// Through the queries' shared memory, (dimension, four queries).
#define HADAMARD_VALUE vec4
#define HADAMARD_AT(i) queries[(i) * (QUERIES / EACH) + gl_LocalInvocationID.x / LANES]
#define HADAMARD_SYNC barrier
#include "lib/hadamard.glsl"

void rotate_back(uint lane) {
  barrier();
  [[unroll]] for (uint i = 0u; i < PAIRS_PER_LANE; ++i) {
    const uint quad = lane + i * LANES;
    if (quad < QUADS) [[unroll]] for (uint d = 0u; d < 4u; ++d) HADAMARD_AT(4u * quad + d) = sums[4u * i + d];
  }
  barrier();
  hadamard(HEAD_DIM, V_ROTATION, lane, LANES);
  [[unroll]] for (uint i = 0u; i < PAIRS_PER_LANE; ++i) {
    const uint quad = min(lane + i * LANES, QUADS - 1u);
    [[unroll]] for (uint d = 0u; d < 4u; ++d) sums[4u * i + d] = HADAMARD_AT(4u * quad + d);
  }
  total *= sqrt(float(V_ROTATION));
}
#endif

void store(uint lane, uint group) {
  [[unroll]] for (uint i = 0u; i < EACH; ++i) {
    const uint index = gl_WorkGroupID.x * QUERIES + group * EACH + i;
    if (index >= p.n * GROUP) continue;
    const uint to = head_start(index, p.y_stride);
    [[unroll]] for (uint j = 0u; j < PAIRS_PER_LANE; ++j) {
      const uint pair = lane + j * LANES;
      if (pair >= PAIRS) continue;
      [[unroll]] for (uint v = 0u; v < 2u * VALUES; ++v)
        y[to + pair * 2u * VALUES + v] = sums[j * 2u * VALUES + v][i] / total[i];
    }
  }
}

void main() {
  const uint lane = gl_LocalInvocationID.x % LANES, group = gl_LocalInvocationID.x / LANES;
  const StepRow last_row = step_rows[query_index(QUERIES - 1u) / GROUP];
  stage_queries();
  [[unroll]] for (uint i = 0u; i < EACH; ++i) last[i] = step_rows[query_index(group * EACH + i) / GROUP].position;
  [[unroll]] for (uint i = 0u; i < PAIRS_PER_LANE * 2u * VALUES; ++i) sums[i] = vec4(0.0);
  barrier();
  for (uint first = 0u; first <= last_row.position; first += kPageTokens) {
    const uint base = k_page_base(last_row.slot, first / kPageTokens, gl_WorkGroupID.y) / 2u;
    weigh(score_keys(base + lane, group), first, lane, group);
#if KV_TYPE == 2
    const uint page = v_page_base(last_row.slot, first / kPageTokens, gl_WorkGroupID.y);
    add_values(page, min(kPageTokens, last_row.position + 1u - first), lane, group);
#else
    add_values(base, min(kPageTokens, last_row.position + 1u - first), lane, group);
#endif
  }
#if KV_TYPE == 2
  if (V_ROTATION > 1u) rotate_back(lane);
#endif
  store(lane, group);
}
