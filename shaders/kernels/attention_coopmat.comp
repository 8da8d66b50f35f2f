#version 450
#pragma use_vulkan_memory_model
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#define KV_VECTOR uvec4
#define KV_TOKENS 4
#define V_PAIRS
#define PREFILL
#define TYPES_ID 11
#include "lib/attention.glsl"

// Prefill with matrices, (M, K) x (K, N), f16 in and f32 out. The workgroup stages a page's keys, then its values
// turned around, so that both operands of a matrix lie along K: 16 bytes at a time. SHARES subgroups take the same
// queries: of the scores each has a part of the tokens, of the softmax a part of the queries, of the sums a part of the
// dimensions. KEPT matrices of its queries stay in a subgroup's registers, the others are loaded for each page. How a
// matrix lies in registers is the driver's matter, so the softmax goes through shared memory.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 128u;

layout(constant_id = 4) const uint M = 16u;
layout(constant_id = 5) const uint N = 16u;
layout(constant_id = 6) const uint K = 16u;
layout(constant_id = 7) const uint SUBGROUPS = 4u;
layout(constant_id = 8) const uint SHARES = 1u;
layout(constant_id = 9) const uint KEPT = 1u;

const uint LANES = WG / SUBGROUPS, TOKENS = kPageTokens / SHARES, DIMS = HEAD_DIM / SHARES;
const uint WEIGHED = N / SHARES;                                    // queries whose softmax a subgroup has
const uint PARTS = LANES > WEIGHED ? LANES / WEIGHED : 1u;          // lanes that share a query's row of scores
const uint ROWS_PER_LANE = LANES > WEIGHED ? 1u : WEIGHED / LANES;  // rows of a lane, where lanes are few
const uint COLUMNS = kPageTokens / PARTS;                           // scores of a lane in a row, a multiple of 8
const uint KEY_STRIDE = (HEAD_DIM + kAttentionMatrixPadding) / 8u;  // uvec4
const uint VALUE_STRIDE = (kPageTokens + kAttentionMatrixPadding) / 8u;
const uint SCORE_STRIDE = (kPageTokens + kAttentionMatrixPadding) / 4u;
const uint MATRICES = HEAD_DIM / K;  // of the queries
const bool ALL_KEPT = KEPT == MATRICES;
const uint KEYS_SIZE = kPageTokens * KEY_STRIDE, VALUES_SIZE = HEAD_DIM * VALUE_STRIDE;
const uint KEY_TASKS = kPageTokens / 4u * (WORDS / 4u), VALUE_TASKS = kPageTokens / 8u * QUADS;

shared uvec4 page_tile[KEYS_SIZE > VALUES_SIZE ? KEYS_SIZE : VALUES_SIZE];  // (token, 8 dims) or (dim, 8 tokens)
shared uvec4 queries[ALL_KEPT ? 1u : QUERIES * KEY_STRIDE];
shared uvec4 scores[QUERIES * SCORE_STRIDE];  // (query, 4 tokens), f32; then weights (query, 8 tokens), f16
shared float factors[QUERIES];

#define MatrixA coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA>
#define MatrixB coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB>
#define Sums coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>

MatrixB query[MATRICES];
Sums sums[DIMS / M], score[TOKENS / M];  // (dimensions, queries), (tokens, queries)
int position[ROWS_PER_LANE];             // of each row, from the first of this lane's columns on
float highest[ROWS_PER_LANE], total[ROWS_PER_LANE];  // total: of this lane's columns

uint lane() { return gl_SubgroupID * LANES + gl_SubgroupInvocationID; }
uint share() { return gl_SubgroupID % SHARES; }
uint first_query() { return gl_SubgroupID / SHARES * N; }
uint query_index(uint i) { return min(gl_WorkGroupID.x * QUERIES + i, row_count() * GROUP - 1u); }
// Row i of this lane among the queries, and which part of its columns. Neighbours share a row.
uint lane_row(uint i) { return lane() / PARTS * ROWS_PER_LANE + i; }
uint lane_part() { return lane() % PARTS; }
uint head_of(uint row) { return (gl_WorkGroupID.x * QUERIES + row) % GROUP; }

void sync_subgroup() {
  subgroupMemoryBarrierShared();
  subgroupBarrier();
}
float add_parts(float value) {
  [[unroll]] for (uint step = 1u; step < PARTS; step <<= 1) value += subgroupShuffleXor(value, step);
  return value;
}
float max_parts(float value) {
  [[unroll]] for (uint step = 1u; step < PARTS; step <<= 1) value = max(value, subgroupShuffleXor(value, step));
  return value;
}

uvec4 load_query(uint row, uint eighth) {
  const uint from = query_start(query_index(row)) + eighth * 8u;
  uvec4 words;
  [[unroll]] for (uint i = 0u; i < 4u; ++i)
    words[i] = packFloat2x16(f16vec2(vec2(q[from + 2u * i], q[from + 2u * i + 1u]) * p.scale));
  return words;
}

void load_staged_query(uint b) {
  coopMatLoad(query[b], queries, first_query() * KEY_STRIDE + b * K / 8u, KEY_STRIDE,
              gl_CooperativeMatrixLayoutColumnMajor);
}

// Where all stay in registers they get there through the page's tile, one subgroup's after the other's.
void load_queries() {
  if (!ALL_KEPT) {
    [[dont_unroll]] for (uint i = lane(); i < QUERIES * HEAD_DIM / 8u; i += WG) {
      const uint row = i / (HEAD_DIM / 8u), eighth = i % (HEAD_DIM / 8u);
      queries[row * KEY_STRIDE + eighth] = load_query(row, eighth);
    }
    if (KEPT == 0u) return;
    barrier();
    [[unroll]] for (uint b = 0u; b < KEPT; ++b) load_staged_query(b);
    return;
  }
  for (uint s = 0u; s < SUBGROUPS; ++s) {
    for (uint i = lane(); i < N * HEAD_DIM / 8u; i += WG) {
      const uint row = i / (HEAD_DIM / 8u), eighth = i % (HEAD_DIM / 8u);
      page_tile[row * KEY_STRIDE + eighth] = load_query(s * N + row, eighth);
    }
    barrier();
    if (gl_SubgroupID == s) {
      [[unroll]] for (uint b = 0u; b < MATRICES; ++b)
        coopMatLoad(query[b], page_tile, b * K / 8u, KEY_STRIDE, gl_CooperativeMatrixLayoutColumnMajor);
    }
    barrier();
  }
}

#if KV_TYPE == 2
uvec2 halves(vec4 v) { return uvec2(packFloat2x16(f16vec2(v.xy)), packFloat2x16(f16vec2(v.zw))); }
#endif

// Eight dimensions of four tokens, from that of `base` on.
void load_keys(uint base, uint eighth, out uvec4 keys[4]) {
#if KV_TYPE == 2
  vec2 scales[4];
  vec4 low[4], high[4];
  load_k_scales(base, eighth / 4u, scales);
  load_k(base, 2u * eighth, scales, low);
  load_k(base, 2u * eighth + 1u, scales, high);
  [[unroll]] for (uint t = 0u; t < 4u; ++t) keys[t] = uvec4(halves(low[t]), halves(high[t]));
#else
  uvec4 words[4];
  [[unroll]] for (uint w = 0u; w < 4u; ++w) words[w] = k_words(base, 4u * eighth + w);
  [[unroll]] for (uint t = 0u; t < 4u; ++t) keys[t] = uvec4(words[0][t], words[1][t], words[2][t], words[3][t]);
#endif
}
uvec2 load_values(uint page, uint token, uint quad) {
#if KV_TYPE == 2
  return halves(load_v(page, token, quad));
#else
  return load_v_words(page, token, quad).xy;
#endif
}

// A lane turns four words of four tokens around.
void stage_keys(uint base) {
  [[unroll]] for (uint task = 0u; task < KEY_TASKS; task += WG) {
    const uint i = task + lane();
    if (KEY_TASKS % WG != 0u && i >= KEY_TASKS) continue;
    const uint token = i % (kPageTokens / 4u), eighth = i / (kPageTokens / 4u);
    uvec4 keys[4];
    load_keys(base + token, eighth, keys);
    [[unroll]] for (uint t = 0u; t < 4u; ++t) page_tile[(4u * token + t) * KEY_STRIDE + eighth] = keys[t];
  }
}

// A lane turns eight tokens of four dimensions around. What lies behind the last token may be anything, also
// infinite; the last itself stands there instead.
void stage_values(uint page, uint last_token) {
  [[unroll]] for (uint task = 0u; task < VALUE_TASKS; task += WG) {
    const uint i = task + lane();
    if (VALUE_TASKS % WG != 0u && i >= VALUE_TASKS) continue;
    const uint quad = i % QUADS, eighth = i / QUADS;
    uvec2 words[8];
    [[unroll]] for (uint t = 0u; t < 8u; ++t)
      words[t] = load_values(page, min(8u * eighth + t, last_token), quad);
    [[unroll]] for (uint d = 0u; d < 4u; ++d) {
      uvec4 tokens;
      [[unroll]] for (uint t = 0u; t < 4u; ++t)
        tokens[t] = packFloat2x16(f16vec2(unpackFloat2x16(words[2u * t][d / 2u])[d % 2u],
                                          unpackFloat2x16(words[2u * t + 1u][d / 2u])[d % 2u]));
      page_tile[(4u * quad + d) * VALUE_STRIDE + eighth] = tokens;
    }
  }
}

void score_keys() {
  const uint token = share() * TOKENS;
  [[unroll]] for (uint t = 0u; t < TOKENS / M; ++t) score[t] = Sums(0.0);
  [[unroll]] for (uint b = 0u; b < MATRICES; ++b) {
    if (b >= KEPT) load_staged_query(b);
    [[unroll]] for (uint t = 0u; t < TOKENS / M; ++t) {
      MatrixA keys;
      coopMatLoad(keys, page_tile, (token + M * t) * KEY_STRIDE + b * K / 8u, KEY_STRIDE,
                  gl_CooperativeMatrixLayoutRowMajor);
      score[t] = coopMatMulAdd(keys, query[b], score[t]);
    }
  }
  [[unroll]] for (uint t = 0u; t < TOKENS / M; ++t)
    coopMatStore(score[t], scores, first_query() * SCORE_STRIDE + (token + M * t) / 4u, SCORE_STRIDE,
                 gl_CooperativeMatrixLayoutColumnMajor);
}

// `end`: the last key of a text, counted as the position is.
vec4 seen_four(vec4 score, uint key, int position, int end, float slope) {
  const ivec4 keys = int(key) + ivec4(0, 1, 2, 3);
  if (SOFTCAP) score = vec4(capped(score.x), capped(score.y), capped(score.z), capped(score.w));
  if (SLOPES) score = fma(vec4(-slope), abs(vec4(keys - position)), score);
  if (BIASES) [[unroll]] for (uint i = 0u; i < 4u; ++i) score[i] += bias_at(slope, keys[i] - position);
  const int column = int(lane_part() * COLUMNS);
  const int begin = int(first_seen(uint(position + column))) - column;
  if (CHUNKED) score = mix(score, vec4(LOWEST), lessThan(keys, ivec4(begin)));
  if (WINDOW) score = mix(score, vec4(LOWEST), lessThanEqual(keys + int(p.window), ivec4(position)));
  const int last = !BOTH_WAYS ? position : WINDOW ? min(position + int(p.window) - 1, end) : end;
  return mix(score, vec4(LOWEST), greaterThan(keys, ivec4(last)));
}

// Scores become weights. factors: for the sums, where the highest score rose.
void weigh(uint first) {
  const int end = int(row_count()) - 1 - int(lane_part() * COLUMNS);
  [[unroll]] for (uint i = 0u; i < ROWS_PER_LANE; ++i) {
    const uint row = lane_row(i);
    const float slope = slope_of(head_of(row));
    vec4 score[COLUMNS / 4u], here = vec4(LOWEST);
    [[unroll]] for (uint c = 0u; c < COLUMNS / 4u; ++c) {
      const uvec4 words = scores[row * SCORE_STRIDE + lane_part() * (COLUMNS / 4u) + c];
      score[c] = seen_four(uintBitsToFloat(words), first + 4u * c, position[i], end, slope);
      here = max(here, score[c]);
    }
    const float risen = max(highest[i], max_parts(max(max(here.x, here.y), max(here.z, here.w))));
    const float shrink = exp(highest[i] - risen);
    if (lane_part() == 0u) factors[row] = shrink;
    highest[i] = risen;
    total[i] *= shrink;
    sync_subgroup();
    [[unroll]] for (uint c = 0u; c < COLUMNS / 8u; ++c) {
      uvec4 words;
      [[unroll]] for (uint w = 0u; w < 4u; ++w) {
        const vec4 four = score[2u * c + w / 2u];
        const f16vec2 weight = f16vec2(exp((w % 2u == 0u ? four.xy : four.zw) - risen));
        total[i] += float(weight.x) + float(weight.y);
        words[w] = packFloat2x16(weight);
      }
      scores[row * SCORE_STRIDE + lane_part() * (COLUMNS / 8u) + c] = words;
    }
  }
}

// A factor for each query, by a matrix whose rows are all the same: one register where a lane has one query.
Sums load_factors() {
  Sums factor;
  coopMatLoad(factor, factors, first_query(), 0u, gl_CooperativeMatrixLayoutRowMajor);
  return factor;
}

// Each sum is finished before the next is begun: Mesa's Intel compiler keeps the registers of a sum for the whole loop,
// beside those of what becomes of it.
void add_values() {
  const Sums factor = load_factors();
  MatrixB weight[kPageTokens / K];
  [[unroll]] for (uint t = 0u; t < kPageTokens / K; ++t)
    coopMatLoad(weight[t], scores, first_query() * SCORE_STRIDE + t * K / 8u, SCORE_STRIDE,
                gl_CooperativeMatrixLayoutColumnMajor);
  [[unroll]] for (uint i = 0u; i < DIMS / M; ++i) {
    sums[i] = sums[i] * factor;
    [[unroll]] for (uint t = 0u; t < kPageTokens / K; ++t) {
      MatrixA values;
      coopMatLoad(values, page_tile, (share() * DIMS + M * i) * VALUE_STRIDE + t * K / 8u, VALUE_STRIDE,
                  gl_CooperativeMatrixLayoutRowMajor);
      sums[i] = coopMatMulAdd(values, weight[t], sums[i]);
    }
  }
}

void store_four(uint row, uint dim, vec4 values) {
  const uint index = gl_WorkGroupID.x * QUERIES + row, to = query_result(index) + dim;
  if (index < row_count() * GROUP && in_result(dim)) [[unroll]] for (uint v = 0u; v < 4u; ++v) y[to + v] = values[v];
}

// Through the page's tile, one subgroup's queries after the other's.
#define HADAMARD_VALUE float
#define HADAMARD_AT(i) uintBitsToFloat(page_tile[(i) / 4u][(i) % 4u])
#define HADAMARD_STORE(i, value) page_tile[(i) / 4u][(i) % 4u] = floatBitsToUint(value)
#define HADAMARD_SYNC barrier
#include "lib/hadamard.glsl"

void store_rotated(Sums factor) {
  for (uint first = 0u; first < QUERIES; first += N) {
    barrier();
    if (first_query() == first)
      [[unroll]] for (uint i = 0u; i < DIMS / M; ++i)
        coopMatStore(sums[i] * factor, page_tile, (share() * DIMS + M * i) / 4u, QUADS,
                     gl_CooperativeMatrixLayoutColumnMajor);
    barrier();
    hadamard(N * HEAD_DIM, V_ROTATION, lane(), WG);
    for (uint e = lane(); e < N * QUADS; e += WG)
      store_four(first + e / QUADS, e % QUADS * 4u, uintBitsToFloat(page_tile[e]));
  }
}

// Through the scores, of whose columns each share has M.
void store() {
  barrier();
  [[unroll]] for (uint i = 0u; i < ROWS_PER_LANE; ++i) {
    const float whole = add_parts(total[i]) + sink_weight(head_of(lane_row(i)), highest[i]);
    if (lane_part() == 0u) factors[lane_row(i)] = 1.0 / (whole * sqrt(float(V_ROTATION)));
  }
  barrier();
  const Sums factor = load_factors();
  if (V_ROTATION > 1u) {
    store_rotated(factor);
    return;
  }
  const uint at = share() * M / 4u;
  [[unroll]] for (uint i = 0u; i < DIMS / M; ++i) {
    coopMatStore(sums[i] * factor, scores, first_query() * SCORE_STRIDE + at, SCORE_STRIDE,
                 gl_CooperativeMatrixLayoutColumnMajor);
    sync_subgroup();
    for (uint e = gl_SubgroupInvocationID; e < M * N / 4u; e += LANES) {
      const uint row = first_query() + e / (M / 4u), quad = e % (M / 4u);
      store_four(row, share() * DIMS + M * i + 4u * quad,
                 uintBitsToFloat(scores[row * SCORE_STRIDE + at + quad]));
    }
    sync_subgroup();
  }
}

void main() {
  if (TEXTS && gl_WorkGroupID.x * QUERIES >= row_count() * GROUP) return;
  const StepRow last_row = row_at(query_index(QUERIES - 1u) / GROUP);
  const uint last = last_seen(last_row.position);
  load_queries();
  [[unroll]] for (uint i = 0u; i < DIMS / M; ++i) sums[i] = Sums(0.0);
  [[unroll]] for (uint i = 0u; i < ROWS_PER_LANE; ++i) {
    position[i] = int(row_at(query_index(lane_row(i)) / GROUP).position) - int(lane_part() * COLUMNS);
    highest[i] = NONE;
    total[i] = 0.0;
  }
  const uint begin_at = first_seen(row_at(query_index(0u) / GROUP).position) / kPageTokens * kPageTokens;
  for (uint first = begin_at; first <= last; first += kPageTokens) {
    const uint keys = k_page_base(last_row.slot, first / kPageTokens, gl_WorkGroupID.y) / KV_TOKENS;
    const uint values = v_page_base(last_row.slot, first / kPageTokens, gl_WorkGroupID.y);
    barrier();
    stage_keys(keys);
    barrier();
    score_keys();
    barrier();
    stage_values(values, last - first);
    weigh(first);
    barrier();
    add_values();
  }
  store();
}
