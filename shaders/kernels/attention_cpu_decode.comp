#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "lib/reduce.glsl"
#if KV_TYPE != 2
#define APPENDS
#define OF_HEADS_BINDING 9
#else
#define OF_HEADS_BINDING 8
#endif
#include "lib/attention.glsl"
#include "lib/attention_decode.glsl"

// Decode on a processor whose lanes are those of a vector register: a workgroup is one subgroup. Lanes lie along the
// tokens for the scores and along the words of a head for the values; each loaded word serves the heads of the group,
// and queries and weights are broadcast from the lane that holds them, without shared memory. Loops over dimensions are
// unrolled: an array that is indexed by a variable would be gathered and scattered.
const uint CHUNKS = WORDS / WG;  // words of a lane
const uint EACH = 2u;            // tokens of a lane in a round
const uint TOKENS = EACH * WG;

// Where word w of a head is: in a lane's chunk. With WIDE a lane has two words that neighbour each other.
#if KV_TYPE == 2
const bool WIDE = QUADS % WG == 0u;
uint word_at(uint c, uint lane) { return WIDE ? 2u * (c / 2u * WG + lane) + c % 2u : c * WG + lane; }
#else
uint word_at(uint c, uint lane) { return c * WG + lane; }
#endif

Values query[GROUP][CHUNKS], sum[GROUP][CHUNKS];
float highest[GROUP], total[GROUP];  // total: of this lane
float score[GROUP][EACH];

#ifdef APPENDS
uint fetched = 0u;

// Brings a round's share of the page at `base` into the cache by loads with one address for all lanes, for which
// nothing waits: the lines that a round's gathers touch are too few and too far apart for a hardware prefetcher. At
// depth 2048 a decode step took 0.86 of the time (llvmpipe of Mesa 26, 135 million parameters in Q4_0).
void prefetch(uint base, uint round) {
  const uint kLineWords = 16u, lines = WORDS * TOKENS / kLineWords;
  [[unroll]] for (uint i = 0u; i < lines; ++i) {
    const uint at = base + (round * lines + i) * kLineWords;
    fetched |= k_pool[at] | v_pool[at];
  }
}
#endif

void load_queries(uint position, uint lane) {
  [[unroll]] for (uint c = 0u; c < CHUNKS; ++c) {
    const uint d = word_at(c, lane) * VALUES;
    const Turn turn = turn_of(d, position);
    const Values factors = APPEND ? query_factors(d, position) * p.scale : Values(p.scale);
    [[unroll]] for (uint h = 0u; h < GROUP; ++h)
      query[h][c] = query_word(head_start(gl_WorkGroupID.x, h), d, turn) * factors;
  }
}

// The sums before any page.
void begin() {
  [[unroll]] for (uint h = 0u; h < GROUP; ++h) {
    highest[h] = NONE;
    total[h] = 0.0;
    [[unroll]] for (uint c = 0u; c < CHUNKS; ++c) sum[h][c] = Values(0.0);
  }
}

#ifdef APPENDS
// The sums with the row's own key and value, which it stores.
void begin_with_own(StepRow row, uint lane) {
  float part[GROUP];
  [[unroll]] for (uint h = 0u; h < GROUP; ++h) part[h] = 0.0;
  [[unroll]] for (uint c = 0u; c < CHUNKS; ++c) {
    const uint w = word_at(c, lane);
    const uint key_word = own_key(w, row.position + row.turn), value_word = own_value(w);
    const Values key = unpack(key_word), value = unpack(value_word);
    [[unroll]] for (uint h = 0u; h < GROUP; ++h) {
      part[h] += dot(query[h][c], key);
      sum[h][c] = value;
    }
    store_own(row, w, key_word, value_word);
  }
  [[unroll]] for (uint h = 0u; h < GROUP; ++h) {
    highest[h] = capped(reduce_add(part[h])) + own_bias(h);
    total[h] = lane == 0u ? 1.0 : 0.0;
  }
}
#endif

void score_keys(uint base) {
  [[unroll]] for (uint h = 0u; h < GROUP; ++h) [[unroll]] for (uint j = 0u; j < EACH; ++j) score[h][j] = 0.0;
#if KV_TYPE == 2
  vec2 scales[EACH][1];
  [[unroll]] for (uint quad = 0u; quad < QUADS; ++quad) {
    const uint c = WIDE ? quad / WG * 2u : 2u * quad / WG, i = WIDE ? quad % WG : 2u * quad % WG;
    vec4 k[EACH][1];
    [[unroll]] for (uint j = 0u; j < EACH; ++j) {
      if (quad % BLOCK_QUADS == 0u) load_k_scales(base + j * WG, quad / BLOCK_QUADS, scales[j]);
      load_k(base + j * WG, quad, scales[j], k[j]);
    }
    [[unroll]] for (uint h = 0u; h < GROUP; ++h) {
      const vec2 a = subgroupBroadcast(query[h][c], i);
      const vec2 b = WIDE ? subgroupBroadcast(query[h][c + 1u], i) : subgroupBroadcast(query[h][c], i + 1u);
      [[unroll]] for (uint j = 0u; j < EACH; ++j)
        score[h][j] = fma_dot(vec4(a, b), k[j][0], score[h][j]);
    }
  }
#else
  [[unroll]] for (uint c = 0u; c < CHUNKS; ++c) {
    [[unroll]] for (uint i = 0u; i < WG; ++i) {
      Values k[EACH];
      [[unroll]] for (uint j = 0u; j < EACH; ++j) k[j] = unpack(k_words(base + j * WG, c * WG + i));
      [[unroll]] for (uint h = 0u; h < GROUP; ++h) {
        const Values one = subgroupBroadcast(query[h][c], i);
        [[unroll]] for (uint j = 0u; j < EACH; ++j) score[h][j] = fma_dot(one, k[j], score[h][j]);
      }
    }
  }
#endif
}

// Scores become weights; scales the sums down where the highest score rose.
void weigh(uint first, uint key_end, uint position, uint lane) {
  [[unroll]] for (uint h = 0u; h < GROUP; ++h) {
    float here = LOWEST;
    const float slope = slope_of(h);
    [[unroll]] for (uint j = 0u; j < EACH; ++j) {
      score[h][j] = seen(score[h][j], first + j * WG + lane, key_end - 1u, position, slope);
      here = max(here, score[h][j]);
    }
    const float risen = max(highest[h], reduce_max(here));
    const float shrink = exp(highest[h] - risen);
    highest[h] = risen;
    total[h] *= shrink;
    [[unroll]] for (uint j = 0u; j < EACH; ++j) {
      score[h][j] = exp(score[h][j] - risen);
      total[h] += score[h][j];
    }
    [[unroll]] for (uint c = 0u; c < CHUNKS; ++c) sum[h][c] *= shrink;
  }
}

// Of `count` values from `first` in the page at `base`; what lies behind the last token may be anything.
void add_values(uint base, uint first, uint count, uint lane) {
  [[unroll]] for (uint j = 0u; j < EACH; ++j) {
    [[unroll]] for (uint i = 0u; i < WG; ++i) {
      const uint token = first + min(j * WG + i, count - 1u);
      Values v[CHUNKS];
#if KV_TYPE == 2
      [[unroll]] for (uint c = 0u; c < CHUNKS; c += WIDE ? 2u : 1u) {
        if (WIDE) {
          const vec4 four = load_v(base, token, c / 2u * WG + lane);
          v[c] = four.xy;
          v[c + 1u] = four.zw;
        } else {
          v[c] = load_v_word(base, token, c * WG + lane);
        }
      }
#else
      [[unroll]] for (uint c = 0u; c < CHUNKS; ++c) v[c] = load_v_word(base, token, c * WG + lane);
#endif
      [[unroll]] for (uint h = 0u; h < GROUP; ++h) {
        const float weight = subgroupBroadcast(score[h][j], i);
        [[unroll]] for (uint c = 0u; c < CHUNKS; ++c) sum[h][c] = fma(Values(weight), v[c], sum[h][c]);
      }
    }
  }
}

void store(uint head, uint split, bool whole, uint lane) {
  float all = reduce_add(total[head]);
  if (whole) all += sink_weight(head, highest[head]);
  const uint to = part_start(head, split, whole);
  const float factor = whole ? 1.0 / all : 1.0;
  [[unroll]] for (uint c = 0u; c < CHUNKS; ++c) store_word(to, word_at(c, lane), whole, sum[head][c] * factor);
  finish_head(to, whole, true, highest[head], all, lane);
}

void main() {
  const uint lane = gl_LocalInvocationID.x, split = gl_WorkGroupID.z;
  const StepRow row = step_rows[gl_WorkGroupID.x];
  const uint splits = count_splits(row.position);
  if (split >= splits || gl_WorkGroupID.y >= p.kv_heads) return;  // counts are of the layer with the most
  const uint split_begin = (first_split(row.position) + split) * SPLIT_TOKENS;
  const uint begin_at = max(split_begin, first_seen(row.position) / kPageTokens * kPageTokens);
  const uint key_end = min(stored_keys(row.position), split_begin + SPLIT_TOKENS);

  load_queries(row.position + row.turn, lane);
  begin();
#ifdef APPENDS
  if (APPEND && split == splits - 1u) begin_with_own(row, lane);
#endif
  for (uint first = begin_at; first < key_end; first += TOKENS) {
#ifdef APPENDS
    const uint next = min(first / kPageTokens + 1u, (key_end - 1u) / kPageTokens);
    prefetch(k_page_base(row.slot, next, gl_WorkGroupID.y), first % kPageTokens / TOKENS);
#endif
    const uint page = first / kPageTokens, token = first % kPageTokens;
    score_keys(k_page_base(row.slot, page, gl_WorkGroupID.y) + token + lane);
    weigh(first, key_end, row.position, lane);
    add_values(v_page_base(row.slot, page, gl_WorkGroupID.y), token, min(TOKENS, key_end - first), lane);
  }
#ifdef APPENDS
  if (splits == 0u) sum[0][0] = Values(float(fetched));  // never; keeps the compiler from removing the loads
#endif
  [[unroll]] for (uint h = 0u; h < GROUP; ++h) store(h, split, splits == 1u, lane);
  if (splits > 1u) finish_splits(splits);
}
