#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#define KV_VECTOR uvec2
#define KV_TOKENS 2
#define V_PAIRS
#define PREFILL
#include "lib/attention.glsl"

// Prefill on a processor whose lanes are those of a vector register: a lane takes queries of its own, so keys and
// values are loaded once at addresses that all lanes share, and nothing is exchanged between lanes. Loops over
// dimensions are unrolled: an array that is indexed by a variable would be gathered and scattered. Loops over tokens
// are not, and shift the scores instead: llvmpipe of Mesa 26 compiles a quarter of the code in a quarter of the time,
// and the code is no slower.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 8u;

const uint EACH = kAttentionCpuQueries, TOKENS = kAttentionCpuTokens;
const uint NEW = TOKENS - KV_TOKENS;  // where the next scores go

uint position[EACH], to[EACH];
float highest[EACH], total[EACH];
float query[EACH][HEAD_DIM], sum[EACH][HEAD_DIM];
float score[EACH][TOKENS];

uint query_index(uint i) { return gl_WorkGroupID.x * QUERIES + i * WG + gl_LocalInvocationID.x; }

void begin(uint count) {
  [[unroll]] for (uint i = 0u; i < EACH; ++i) {
    const uint index = min(query_index(i), count - 1u);
    const uint from = query_start(index);
    position[i] = row_at(index / GROUP).position;
    to[i] = query_result(index);
    highest[i] = NONE;
    total[i] = 0.0;
    [[unroll]] for (uint d = 0u; d < HEAD_DIM; ++d) {
      query[i][d] = q[from + d] * p.scale;
      sum[i][d] = 0.0;
    }
  }
}

// Of the keys at `base`, counted in vectors of KV_TOKENS.
void score_keys(uint base) {
  [[dont_unroll]] for (uint first = 0u; first < TOKENS; first += KV_TOKENS) {
    const uint keys = base + first / KV_TOKENS;
    [[unroll]] for (uint i = 0u; i < EACH; ++i)
      [[unroll]] for (uint t = 0u; t < TOKENS; ++t)
        score[i][t] = t < NEW ? score[i][min(t + KV_TOKENS, TOKENS - 1u)] : 0.0;
    vec2 scales[KV_TOKENS];
    [[unroll]] for (uint quad = 0u; quad < QUADS; ++quad) {
      vec4 k[KV_TOKENS];
      if (quad % BLOCK_QUADS == 0u) load_k_scales(keys, quad / BLOCK_QUADS, scales);
      load_k(keys, quad, scales, k);
      [[unroll]] for (uint t = 0u; t < KV_TOKENS; ++t)
        [[unroll]] for (uint i = 0u; i < EACH; ++i)
          [[unroll]] for (uint d = 0u; d < 4u; ++d)
            score[i][NEW + t] = fma(query[i][4u * quad + d], k[t][d], score[i][NEW + t]);
    }
  }
}

// Scores become weights; scales the sums down where the highest score rose.
void weigh(uint first) {
  [[unroll]] for (uint i = 0u; i < EACH; ++i) {
    float risen = highest[i];
    const float slope = slope_of(query_index(i) % GROUP);
    [[unroll]] for (uint t = 0u; t < TOKENS; ++t) {
      score[i][t] = seen(score[i][t], first + t, position[i], slope);
      risen = max(risen, score[i][t]);
    }
    const float shrink = exp(highest[i] - risen);
    highest[i] = risen;
    total[i] *= shrink;
    [[unroll]] for (uint t = 0u; t < TOKENS; ++t) {
      score[i][t] = exp(score[i][t] - risen);
      total[i] += score[i][t];
    }
    [[unroll]] for (uint d = 0u; d < HEAD_DIM; ++d) sum[i][d] *= shrink;
  }
}

// Of `count` values from `first` in `page`; what lies behind the last token may be anything.
void add_values(uint page, uint first, uint count) {
  [[dont_unroll]] for (uint t = 0u; t < TOKENS; ++t) {
    const uint token = first + min(t, count - 1u);
    float weight[EACH];
    [[unroll]] for (uint i = 0u; i < EACH; ++i) {
      weight[i] = score[i][0];
      [[unroll]] for (uint next = 1u; next < TOKENS; ++next) score[i][next - 1u] = score[i][next];
    }
    [[unroll]] for (uint quad = 0u; quad < QUADS; ++quad) {
      const vec4 v = load_v(page, token, quad);
      [[unroll]] for (uint i = 0u; i < EACH; ++i)
        [[unroll]] for (uint d = 0u; d < 4u; ++d) sum[i][4u * quad + d] = fma(weight[i], v[d], sum[i][4u * quad + d]);
    }
  }
}

#if KV_TYPE == 2
void rotate_back() {
  [[unroll]] for (uint e = 0u; e < 8u; ++e) {
    const uint step = 1u << e;
    if (step >= V_ROTATION) continue;
    [[unroll]] for (uint j = 0u; j < HEAD_DIM / 2u; ++j) {
      const uint at = 2u * j - (j & (step - 1u));
      [[unroll]] for (uint i = 0u; i < EACH; ++i) {
        const float a = sum[i][at], b = sum[i][at + step];
        sum[i][at] = a + b;
        sum[i][at + step] = a - b;
      }
    }
  }
  [[unroll]] for (uint i = 0u; i < EACH; ++i) total[i] *= sqrt(float(V_ROTATION));
}
#endif

void main() {
  const uint count = row_count() * GROUP;
  if (TEXTS && gl_WorkGroupID.x * QUERIES >= count) return;
  const StepRow last_row = row_at((min((gl_WorkGroupID.x + 1u) * QUERIES, count) - 1u) / GROUP);
  const uint last = last_seen(last_row.position);
  begin(count);
  const uint first_position = row_at(gl_WorkGroupID.x * QUERIES / GROUP).position;
  const uint begin_at = first_seen(first_position) / kPageTokens * kPageTokens;
  for (uint first = begin_at; first <= last; first += TOKENS) {
    score_keys((k_page_base(last_row.slot, first / kPageTokens, gl_WorkGroupID.y) + first % kPageTokens) / KV_TOKENS);
    weigh(first);
    add_values(v_page_base(last_row.slot, first / kPageTokens, gl_WorkGroupID.y), first % kPageTokens,
               min(TOKENS, last + 1u - first));
  }
#if KV_TYPE == 2
  rotate_back();
#endif
  [[unroll]] for (uint i = 0u; i < EACH; ++i) {
    if (query_index(i) >= count) continue;
    total[i] += sink_weight(query_index(i) % GROUP, highest[i]) * sqrt(float(V_ROTATION));
    [[unroll]] for (uint d = 0u; d < VALUE_DIM; ++d) y[to[i] + d] = sum[i][d] / total[i];
  }
}
