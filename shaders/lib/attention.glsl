// What the attention kernels share: buffers, which keys a query sees and with what score, and how keys and values are
// loaded. KV_TYPE as in shared/kv_write.h, or kKvMixed: K_TYPE and V_TYPE, each any of them, are constants then.
// KV_VECTOR is the type in which the pools are read (uint, uvec2 or uvec4; V of mixed types as uint), KV_TOKENS how
// many keys lie in one. PREFILL: rows may be those of several texts. V_PAIRS: V of one type as uvec2, so that V_UNIT
// words are one. APPENDS: the kernel writes into the pools.
#include "shared/attention.h"
#include "shared/kv_write.h"
#include "shared/step_params.h"
#include "lib/numerics.glsl"

#ifndef KV_VECTOR
#define KV_VECTOR uint
#define KV_TOKENS 1
#define TOKEN_OF(vector, t) vector
#else
#define TOKEN_OF(vector, t) vector[t]
#endif
#if KV_TYPE == 2
#undef V_PAIRS
#endif
#ifdef V_PAIRS
#define V_VECTOR uvec2
#define V_UNIT 2
#else
#define V_VECTOR KV_VECTOR
#define V_UNIT 1
#endif

layout(constant_id = 1) const uint HEAD_DIM = 64u;
layout(constant_id = 2) const uint GROUP = 1u;
layout(constant_id = 3) const uint QUERIES = 1u;

layout(constant_id = 14) const uint NARROW = 0u;  // dimensions of a head of y; 0: HEAD_DIM
const uint VALUE_DIM = NARROW == 0u ? HEAD_DIM : NARROW;

layout(constant_id = 10) const uint FORM = 0u;
const bool WINDOW = (FORM & kAttentionWindow) != 0u, SOFTCAP = (FORM & kAttentionSoftcap) != 0u;
const bool CHUNKED = (FORM & kAttentionChunks) != 0u;
const bool SINKS = (FORM & kAttentionSinks) != 0u, SLOPES = (FORM & kAttentionSlopes) != 0u;
const bool BIASES = (FORM & kAttentionBiases) != 0u;
const bool TEXTS = (FORM & kAttentionTexts) != 0u, BOTH_WAYS = (FORM & kAttentionBothWays) != 0u;
const bool PICTURE = (FORM & kAttentionPicture) != 0u;

layout(push_constant) uniform Push { AttentionPush p; };
layout(binding = 0) readonly buffer Q { float q[]; };
#ifdef APPENDS
#define POOL_ACCESS
#else
#define POOL_ACCESS readonly
#endif
layout(binding = 1) POOL_ACCESS buffer KPool { KV_VECTOR k_pool[]; };
#if KV_TYPE == 2
layout(binding = 2) readonly buffer VPool { uint v_pool[]; };
#else
layout(binding = 2) POOL_ACCESS buffer VPool { V_VECTOR v_pool[]; };
#endif
layout(binding = 3) readonly buffer PageTable { uint page_table[]; };
layout(binding = 4) readonly buffer Rows { StepRow step_rows[]; };
layout(binding = 5) writeonly buffer Y { float y[]; };
#ifndef OF_HEADS_BINDING
#define OF_HEADS_BINDING 6
#endif
layout(binding = OF_HEADS_BINDING) readonly buffer OfHeads { float of_heads[]; };  // sinks, slopes or biases
#ifdef PREFILL
layout(binding = 7) readonly buffer Texts { uvec2 texts[]; };  // first row, rows
uint first_row() { return TEXTS ? texts[gl_WorkGroupID.z].x : 0u; }
uint row_count() { return TEXTS ? texts[gl_WorkGroupID.z].y : p.n; }
#else
uint first_row() { return 0u; }
uint row_count() { return p.n; }
#endif
StepRow row_at(uint row) { return step_rows[first_row() + row]; }

#ifndef TYPES_ID
#define TYPES_ID 4
#endif
#if KV_TYPE == 2
layout(constant_id = TYPES_ID) const uint K_TYPE = 2u;
layout(constant_id = TYPES_ID + 1) const uint V_TYPE = 2u;
layout(constant_id = TYPES_ID + 2) const uint V_ROTATION = 1u;  // dimensions of a Hadamard block of V; 1: not rotated
#else
const uint K_TYPE = KV_TYPE, V_TYPE = KV_TYPE, V_ROTATION = 1u;
#endif

// VALUES dimensions of a head are a word (a pair of them where types are mixed, however it is stored); WORDS words are
// a head.
#if KV_TYPE == 1
const uint VALUES = 1u;
#define Values float
#define VALUES_AT(array, at) array[at]
#define STORE_VALUES(array, at, value) array[at] = value
float unpack(uint word) { return uintBitsToFloat(word); }
uint pack(float value) { return floatBitsToUint(value); }
float value_of(float values, uint i) { return values; }
#else
const uint VALUES = 2u;
#define Values vec2
#define VALUES_AT(array, at) vec2(array[at], array[(at) + 1u])
#define STORE_VALUES(array, at, value) array[at] = value.x, array[(at) + 1u] = value.y
vec2 unpack(uint word) { return unpackHalf2x16(word); }
uint pack(vec2 values) { return packHalf2x16(values); }
float value_of(vec2 values, uint i) { return values[i]; }
#endif
const uint WORDS = HEAD_DIM / VALUES;
const uint QUADS = HEAD_DIM / 4u, BLOCK_QUADS = kKvBlock / 4u, BLOCKS = (QUADS + BLOCK_QUADS - 1u) / BLOCK_QUADS;

// Head `head` of this KV head's group, in a row of q and of y.
uint head_start(uint row, uint head) {
  return (first_row() + row) * p.q_stride + (gl_WorkGroupID.y * GROUP + head) * HEAD_DIM;
}
uint result_start(uint row, uint head) {
  return (first_row() + row) * p.y_stride + (gl_WorkGroupID.y * GROUP + head) * VALUE_DIM;
}
// Prefill: query i of the sequence.
uint query_start(uint i) { return head_start(i / GROUP, i % GROUP); }
uint query_result(uint i) { return result_start(i / GROUP, i % GROUP); }
bool in_result(uint d) { return VALUE_DIM == HEAD_DIM || d < VALUE_DIM; }

// A query sees the keys from first_seen() to last_seen() of its own position, in decode up to `last`, which is that
// position unless it has its own key from elsewhere; others weigh nothing, for which the highest score begins at NONE.
// Queries are scaled as they are loaded.
const float LOWEST = -3.402823466e38, NONE = 0.5 * LOWEST;
uint first_seen(uint position) {
  if (CHUNKED) return position - position % p.window;
  return WINDOW && position >= p.window ? position - p.window + 1u : 0u;
}
uint last_seen(uint position) {
  if (!BOTH_WAYS) return position;
  const uint end = row_at(row_count() - 1u).position;
  return WINDOW && !PICTURE ? min(position + p.window - 1u, end) : end;
}
float capped(float score) { return SOFTCAP ? softcap(score, p.softcap) : score; }
// Of a head of this KV head's group: what its scores fall by from a key to the next one farther away, or where its
// biases begin.
float slope_of(uint head) {
  const uint index = gl_WorkGroupID.y * GROUP + head;
  if (BIASES) return float(index * (2u * kAttentionReach + 1u));
  return SLOPES ? of_heads[index] : 0.0;
}
float bias_at(float first, int distance) {
  const int reach = int(kAttentionReach);
  return of_heads[uint(first) + uint(clamp(distance, -reach, reach) + reach)];
}
float own_bias(uint head) { return BIASES ? bias_at(slope_of(head), 0) : 0.0; }
float seen(float score, uint key, uint last, uint position, float slope) {
  score = capped(score);
  if (SLOPES) score = fma(-slope, abs(float(int(key - position))), score);
  if (BIASES) score += bias_at(slope, int(key - position));
  return key > last || key < first_seen(position) ? LOWEST : score;
}
float seen(float score, uint key, uint position, float slope) {
  return seen(score, key, last_seen(position), position, slope);
}
vec4 seen(vec4 score, uint key, uvec4 position, vec4 slopes) {
  if (SOFTCAP) score = vec4(capped(score.x), capped(score.y), capped(score.z), capped(score.w));
  if (SLOPES) score = fma(-slopes, abs(vec4(ivec4(key - position))), score);
  if (BIASES) [[unroll]] for (uint i = 0u; i < 4u; ++i) score[i] += bias_at(slopes[i], int(key - position[i]));
  if (CHUNKED) score = mix(score, vec4(LOWEST), lessThan(uvec4(key), position - position % p.window));
  if (WINDOW) score = mix(score, vec4(LOWEST), lessThanEqual(uvec4(key + p.window), position));
  uvec4 last = position;
  if (BOTH_WAYS) [[unroll]] for (uint i = 0u; i < 4u; ++i) last[i] = last_seen(position[i]);
  return mix(score, vec4(LOWEST), greaterThan(uvec4(key), last));
}
// What the sink of a head of this KV head's group adds to the sum of the weights.
float sink_weight(uint head, float highest) {
  return SINKS ? exp(of_heads[gl_WorkGroupID.y * GROUP + head] - highest) : 0.0;
}

float fma_dot(float a, float b, float sum) { return fma(a, b, sum); }
float fma_dot(vec2 a, vec2 b, float sum) { return fma(a.x, b.x, fma(a.y, b.y, sum)); }
float fma_dot(vec4 a, vec4 b, float sum) { return fma(a.x, b.x, fma(a.y, b.y, fma(a.z, b.z, fma(a.w, b.w, sum)))); }

// First word of a KV head's page (of V in V_UNITs), and words of a page.
uint page_index(uint slot, uint page, uint kv_head) {
  return page_table[slot * p.pages_per_slot + page] * p.kv_heads + kv_head;
}
uint page_words(uint type) {
  return kPageTokens * (kv_value_words(type, HEAD_DIM) + kv_scale_words(type, HEAD_DIM));
}
uint k_page_base(uint slot, uint page, uint kv_head) { return page_index(slot, page, kv_head) * page_words(K_TYPE); }
uint v_page_base(uint slot, uint page, uint kv_head) {
  return page_index(slot, page, kv_head) * (page_words(V_TYPE) / V_UNIT);
}

bool in_blocks(uint type) { return type == kKvQ8_0 || type == kKvQ4_0; }
// A value is code * x + y. Both products are exact, so it is the same with and without fused operations.
vec2 block_scale(uint type, uint word, uint block) {
  const float scale = unpackHalf2x16(word)[block & 1u];
  return vec2(scale, scale * (type == kKvQ8_0 ? -128.0 : -8.0));
}
// The codes of four dimensions, a byte each.
uint quad_codes(uint type, uint word, uint quad) {
  return type == kKvQ4_0 ? word >> (4u * (quad & 1u)) & 0x0f0f0f0fu : word;
}
uint quad_word(uint type, uint quad) { return type == kKvQ4_0 ? quad / 2u : quad; }
vec4 scaled(uint codes, vec2 scale) {
  return vec4(codes & 255u, codes >> 8 & 255u, codes >> 16 & 255u, codes >> 24) * scale.x + scale.y;
}

// Of keys: `base` counts KV_VECTORs, from the word of the first key wanted.
KV_VECTOR k_words(uint base, uint w) { return k_pool[base + w * (kPageTokens / KV_TOKENS)]; }
KV_VECTOR k_scale_words(uint base, uint block) {
  return k_words(base, kv_value_words(K_TYPE, HEAD_DIM) + block / 2u);
}
void scales_of(KV_VECTOR words, uint block, out vec2 scales[KV_TOKENS]) {
  [[unroll]] for (uint t = 0u; t < KV_TOKENS; ++t) scales[t] = block_scale(K_TYPE, TOKEN_OF(words, t), block);
}
void load_k_scales(uint base, uint block, out vec2 scales[KV_TOKENS]) {
  if (in_blocks(K_TYPE)) scales_of(k_scale_words(base, block), block, scales);
}
// A quad of dimensions as it is stored, and what it is.
void load_k_words(uint base, uint quad, out KV_VECTOR words[4]) {
  if (in_blocks(K_TYPE)) {
    words[0] = k_words(base, quad_word(K_TYPE, quad));
  } else if (K_TYPE == kKvF16) {
    [[unroll]] for (uint i = 0u; i < 2u; ++i) words[i] = k_words(base, 2u * quad + i);
  } else {
    [[unroll]] for (uint i = 0u; i < 4u; ++i) words[i] = k_words(base, 4u * quad + i);
  }
}
void keys_of(KV_VECTOR words[4], uint quad, vec2 scales[KV_TOKENS], out vec4 k[KV_TOKENS]) {
  [[unroll]] for (uint t = 0u; t < KV_TOKENS; ++t) {
    if (in_blocks(K_TYPE))
      k[t] = scaled(quad_codes(K_TYPE, TOKEN_OF(words[0], t), quad), scales[t]);
    else if (K_TYPE == kKvF16)
      k[t] = vec4(unpackHalf2x16(TOKEN_OF(words[0], t)), unpackHalf2x16(TOKEN_OF(words[1], t)));
    else
      [[unroll]] for (uint i = 0u; i < 4u; ++i) k[t][i] = uintBitsToFloat(TOKEN_OF(words[i], t));
  }
}
void load_k(uint base, uint quad, vec2 scales[KV_TOKENS], out vec4 k[KV_TOKENS]) {
  KV_VECTOR words[4];
  load_k_words(base, quad, words);
  keys_of(words, quad, scales, k);
}

// Of values: `page` is v_page_base(). A quad of dimensions as it is stored (with blocks the word of its codes
// and that of its scale), and what it is.
uint v_start(uint page, uint token) { return page + token * (kv_value_words(V_TYPE, HEAD_DIM) / V_UNIT); }
#if KV_TYPE == 2
uint v_scale_word(uint page, uint token, uint block) {
  const uint scales = page + kPageTokens * kv_value_words(V_TYPE, HEAD_DIM);
  return v_pool[scales + token * kv_scale_words(V_TYPE, HEAD_DIM) + block / 2u];
}
uvec4 load_v_words(uint page, uint token, uint quad) {
  const uint from = v_start(page, token);
  if (in_blocks(V_TYPE))
    return uvec4(v_pool[from + quad_word(V_TYPE, quad)], v_scale_word(page, token, quad / BLOCK_QUADS), 0u, 0u);
  if (V_TYPE == kKvF16) return uvec4(v_pool[from + 2u * quad], v_pool[from + 2u * quad + 1u], 0u, 0u);
  const uint w = from + 4u * quad;
  return uvec4(v_pool[w], v_pool[w + 1u], v_pool[w + 2u], v_pool[w + 3u]);
}
vec2 load_v_word(uint page, uint token, uint w) {
  const uint from = v_start(page, token), quad = w / 2u;
  if (in_blocks(V_TYPE)) {
    const uint codes = quad_codes(V_TYPE, v_pool[from + quad_word(V_TYPE, quad)], quad) >> (16u * (w & 1u));
    const uint block = quad / BLOCK_QUADS;
    const vec2 scale = block_scale(V_TYPE, v_scale_word(page, token, block), block);
    return vec2(codes & 255u, codes >> 8 & 255u) * scale.x + scale.y;
  }
  if (V_TYPE == kKvF16) return unpackHalf2x16(v_pool[from + w]);
  return uintBitsToFloat(uvec2(v_pool[from + 2u * w], v_pool[from + 2u * w + 1u]));
}
#elif defined(V_PAIRS)
uvec4 load_v_words(uint page, uint token, uint quad) {
  const uint from = v_start(page, token);
#if KV_TYPE == 0
  return uvec4(v_pool[from + quad], 0u, 0u);
#else
  return uvec4(v_pool[from + 2u * quad], v_pool[from + 2u * quad + 1u]);
#endif
}
#elif KV_TOKENS == 1
Values load_v_word(uint page, uint token, uint w) { return unpack(v_pool[v_start(page, token) + w]); }
#endif
#if KV_TYPE == 2 || defined(V_PAIRS)
vec4 values_of(uvec4 words, uint quad) {
  if (in_blocks(V_TYPE))
    return scaled(quad_codes(V_TYPE, words.x, quad), block_scale(V_TYPE, words.y, quad / BLOCK_QUADS));
  if (V_TYPE == kKvF16) return vec4(unpackHalf2x16(words.x), unpackHalf2x16(words.y));
  return uintBitsToFloat(words);
}
vec4 load_v(uint page, uint token, uint quad) { return values_of(load_v_words(page, token, quad), quad); }
#endif
