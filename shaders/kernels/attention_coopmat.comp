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
#include "lib/attention.glsl"

// Prefill with matrices, (M, K) x (K, N), f16 in and f32 out. A subgroup has M queries; the workgroup stages a page's
// keys, then its values, for all of its subgroups. How a matrix lies in registers is the driver's matter, so the
// softmax goes through shared memory, each subgroup's part of which only that subgroup touches.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 128u;

layout(constant_id = 4) const uint M = 16u;
layout(constant_id = 5) const uint N = 16u;
layout(constant_id = 6) const uint K = 16u;

const uint SUBGROUPS = QUERIES / M, LANES = WG / SUBGROUPS;
const uint PARTS = LANES > M ? LANES / M : 1u;          // lanes that share a query's row of scores
const uint ROWS_PER_LANE = LANES > M ? 1u : M / LANES;  // rows of a lane, where lanes are few
const uint COLUMNS = kPageTokens / PARTS;                     // scores of a lane in a row
const uint KV_STRIDE = (HEAD_DIM + kAttentionMatrixPadding) / 2u;           // f16vec2
const uint SCORE_STRIDE = kPageTokens + kAttentionMatrixPadding;            // float
const uint WEIGHT_STRIDE = (kPageTokens + kAttentionMatrixPadding) / 2u;    // f16vec2

shared f16vec2 page_tile[kPageTokens * KV_STRIDE];  // (token, dimension); queries at first
shared float scores[QUERIES * SCORE_STRIDE];
shared f16vec2 weights[QUERIES * WEIGHT_STRIDE];

#define MatrixA coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA>
#define MatrixB coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB>
#define Sums coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>

MatrixA query[HEAD_DIM / K];
Sums sums[HEAD_DIM / N];
float highest[ROWS_PER_LANE], total[ROWS_PER_LANE];  // total: of this lane's columns

uint query_index(uint i) { return min(gl_WorkGroupID.x * QUERIES + i, p.n * GROUP - 1u); }
// Row i of this lane within its subgroup, and which part of its columns.
uint lane_row(uint i) { return gl_SubgroupInvocationID % (LANES / PARTS) * ROWS_PER_LANE + i; }
uint lane_part() { return gl_SubgroupInvocationID / (LANES / PARTS); }

void sync_subgroup() {
  subgroupMemoryBarrierShared();
  subgroupBarrier();
}
float add_parts(float value) {
  [[unroll]] for (uint step = LANES / PARTS; step < LANES; step <<= 1) value += subgroupShuffleXor(value, step);
  return value;
}
float max_parts(float value) {
  [[unroll]] for (uint step = LANES / PARTS; step < LANES; step <<= 1)
    value = max(value, subgroupShuffleXor(value, step));
  return value;
}

// Through the page's tile, one subgroup after the other.
void load_queries() {
  for (uint s = 0u; s < SUBGROUPS; ++s) {
    for (uint i = gl_LocalInvocationID.x; i < M * WORDS; i += WG) {
      const uint from = query_start(query_index(s * M + i / WORDS), p.q_stride) + i % WORDS * 2u;
      page_tile[i / WORDS * KV_STRIDE + i % WORDS] = f16vec2(vec2(q[from], q[from + 1u]) * p.scale);
    }
    barrier();
    if (gl_SubgroupID == s) {
      [[unroll]] for (uint b = 0u; b < HEAD_DIM / K; ++b)
        coopMatLoad(query[b], page_tile, b * K / 2u, KV_STRIDE, gl_CooperativeMatrixLayoutRowMajor);
    }
    barrier();
  }
}

void stage_keys(uint base) {
  for (uint i = gl_LocalInvocationID.x; i < kPageTokens * WORDS; i += WG)
    page_tile[i % kPageTokens * KV_STRIDE + i / kPageTokens] = unpackFloat2x16(k_pool[base + i]);
}
// What lies behind the last token may be anything, also infinite.
void stage_values(uint base, uint count) {
  for (uint i = gl_LocalInvocationID.x; i < kPageTokens * WORDS; i += WG)
    page_tile[i / WORDS * KV_STRIDE + i % WORDS] = i / WORDS < count ? unpackFloat2x16(v_pool[base + i]) : f16vec2(0.0);
}

void score_keys(uint first_row) {
  [[unroll]] for (uint t = 0u; t < kPageTokens / N; ++t) {
    Sums score = Sums(0.0);
    [[unroll]] for (uint b = 0u; b < HEAD_DIM / K; ++b) {
      MatrixB keys;
      coopMatLoad(keys, page_tile, t * N * KV_STRIDE + b * K / 2u, KV_STRIDE, gl_CooperativeMatrixLayoutColumnMajor);
      score = coopMatMulAdd(query[b], keys, score);
    }
    coopMatStore(score, scores, first_row * SCORE_STRIDE + t * N, SCORE_STRIDE, gl_CooperativeMatrixLayoutRowMajor);
  }
}

// Scores become weights; scales the sums down where the highest score rose, by a matrix whose rows are the factors.
void weigh(uint first, uint first_row) {
  const uint first_column = lane_part() * COLUMNS;
  sync_subgroup();
  float shrink[ROWS_PER_LANE], least = 1.0;
  [[unroll]] for (uint i = 0u; i < ROWS_PER_LANE; ++i) {
    const uint row = first_row + lane_row(i), last = step_rows[query_index(row) / GROUP].position;
    float score[COLUMNS], here = LOWEST;
    [[unroll]] for (uint c = 0u; c < COLUMNS; ++c) {
      score[c] = seen(scores[row * SCORE_STRIDE + first_column + c], first + first_column + c, last);
      here = max(here, score[c]);
    }
    const float risen = max(highest[i], max_parts(here));
    shrink[i] = exp(highest[i] - risen);
    least = min(least, shrink[i]);
    highest[i] = risen;
    total[i] *= shrink[i];
    [[unroll]] for (uint c = 0u; c < COLUMNS; c += 2u) {
      const f16vec2 weight = f16vec2(exp(vec2(score[c], score[c + 1u]) - risen));
      total[i] += float(weight.x) + float(weight.y);
      weights[row * WEIGHT_STRIDE + (first_column + c) / 2u] = weight;
    }
  }
  sync_subgroup();
  [[unroll]] for (uint i = 0u; i < ROWS_PER_LANE; ++i)
    for (uint c = lane_part(); c < N; c += PARTS) scores[(first_row + lane_row(i)) * SCORE_STRIDE + c] = shrink[i];
  sync_subgroup();
  if (subgroupMin(least) == 1.0) return;
  Sums factor;
  coopMatLoad(factor, scores, first_row * SCORE_STRIDE, SCORE_STRIDE, gl_CooperativeMatrixLayoutRowMajor);
  [[unroll]] for (uint b = 0u; b < HEAD_DIM / N; ++b) sums[b] = sums[b] * factor;
}

void add_values(uint first_row) {
  [[unroll]] for (uint t = 0u; t < kPageTokens / K; ++t) {
    MatrixA weight;
    coopMatLoad(weight, weights, first_row * WEIGHT_STRIDE + t * K / 2u, WEIGHT_STRIDE,
                gl_CooperativeMatrixLayoutRowMajor);
    [[unroll]] for (uint b = 0u; b < HEAD_DIM / N; ++b) {
      MatrixB values;
      coopMatLoad(values, page_tile, t * K * KV_STRIDE + b * N / 2u, KV_STRIDE, gl_CooperativeMatrixLayoutRowMajor);
      sums[b] = coopMatMulAdd(weight, values, sums[b]);
    }
  }
}

void store(uint first_row) {
  [[unroll]] for (uint i = 0u; i < ROWS_PER_LANE; ++i) {
    const uint head = (gl_WorkGroupID.x * QUERIES + first_row + lane_row(i)) % GROUP;
    total[i] = add_parts(total[i]) + sink_weight(head, highest[i]);
  }
  [[unroll]] for (uint b = 0u; b < HEAD_DIM / N; ++b) {
    sync_subgroup();
    coopMatStore(sums[b], scores, first_row * SCORE_STRIDE, SCORE_STRIDE, gl_CooperativeMatrixLayoutRowMajor);
    sync_subgroup();
    [[unroll]] for (uint i = 0u; i < ROWS_PER_LANE; ++i) {
      const uint row = first_row + lane_row(i), index = gl_WorkGroupID.x * QUERIES + row;
      if (index >= p.n * GROUP) continue;
      const uint to = query_start(index, p.y_stride) + b * N;
      for (uint c = lane_part(); c < N; c += PARTS) y[to + c] = scores[row * SCORE_STRIDE + c] / total[i];
    }
  }
}

void main() {
  const uint first_row = gl_SubgroupID * M;
  const StepRow last_row = step_rows[query_index(QUERIES - 1u) / GROUP];
  load_queries();
  [[unroll]] for (uint b = 0u; b < HEAD_DIM / N; ++b) sums[b] = Sums(0.0);
  [[unroll]] for (uint i = 0u; i < ROWS_PER_LANE; ++i) highest[i] = NONE, total[i] = 0.0;
  const uint first_position = step_rows[query_index(0u) / GROUP].position;
  const uint begin_at = first_seen(first_position) / kPageTokens * kPageTokens;
  for (uint first = begin_at; first <= last_row.position; first += kPageTokens) {
    const uint base = k_page_base(last_row.slot, first / kPageTokens, gl_WorkGroupID.y);
    barrier();
    stage_keys(base);
    barrier();
    score_keys(first_row);
    barrier();
    stage_values(base, last_row.position + 1u - first);
    weigh(first, first_row);
    barrier();
    add_values(first_row);
  }
  store(first_row);
}
