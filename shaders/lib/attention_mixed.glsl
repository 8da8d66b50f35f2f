// Keys and values of any types (shared/kv_write.h), four or two dimensions at a time. KV_TOKENS keys lie in a KV_VECTOR.
layout(constant_id = 4) const uint K_TYPE = 2u;
layout(constant_id = 5) const uint V_TYPE = 2u;
layout(constant_id = 6) const uint V_ROTATION = 1u;  // dimensions of a Hadamard block of V; 1: not rotated

#ifndef KV_TOKENS
#define KV_TOKENS 1
#define TOKEN_OF(vector, t) vector
#else
#define TOKEN_OF(vector, t) vector[t]
#endif

const uint QUADS = HEAD_DIM / 4u, BLOCK_QUADS = kKvBlock / 4u, BLOCKS = (QUADS + BLOCK_QUADS - 1u) / BLOCK_QUADS;

// First word of a KV head's page.
uint k_page_base(uint slot, uint page, uint kv_head) {
  return page_index(slot, page, kv_head) * kPageTokens * (kv_value_words(K_TYPE, HEAD_DIM) + kv_scale_words(K_TYPE, HEAD_DIM));
}
uint v_page_base(uint slot, uint page, uint kv_head) {
  return page_index(slot, page, kv_head) * kPageTokens * (kv_value_words(V_TYPE, HEAD_DIM) + kv_scale_words(V_TYPE, HEAD_DIM));
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
void load_k_scales(uint base, uint block, out vec2 scales[KV_TOKENS]) {
  if (!in_blocks(K_TYPE)) return;
  const KV_VECTOR words = k_pool[base + (kv_value_words(K_TYPE, HEAD_DIM) + block / 2u) * (kPageTokens / KV_TOKENS)];
  [[unroll]] for (uint t = 0u; t < KV_TOKENS; ++t) scales[t] = block_scale(K_TYPE, TOKEN_OF(words, t), block);
}
KV_VECTOR k_words(uint base, uint w) { return k_pool[base + w * (kPageTokens / KV_TOKENS)]; }
void load_k(uint base, uint quad, vec2 scales[KV_TOKENS], out vec4 k[KV_TOKENS]) {
  if (in_blocks(K_TYPE)) {
    const KV_VECTOR words = k_words(base, quad_word(K_TYPE, quad));
    [[unroll]] for (uint t = 0u; t < KV_TOKENS; ++t) k[t] = scaled(quad_codes(K_TYPE, TOKEN_OF(words, t), quad), scales[t]);
  } else if (K_TYPE == kKvF16) {
    const KV_VECTOR a = k_words(base, 2u * quad), b = k_words(base, 2u * quad + 1u);
    [[unroll]] for (uint t = 0u; t < KV_TOKENS; ++t)
      k[t] = vec4(unpackHalf2x16(TOKEN_OF(a, t)), unpackHalf2x16(TOKEN_OF(b, t)));
  } else {
    [[unroll]] for (uint i = 0u; i < 4u; ++i) {
      const KV_VECTOR words = k_words(base, 4u * quad + i);
      [[unroll]] for (uint t = 0u; t < KV_TOKENS; ++t) k[t][i] = uintBitsToFloat(TOKEN_OF(words, t));
    }
  }
}

// Of values: `page` is the page's first word.
vec2 v_scale(uint page, uint token, uint block) {
  const uint scale_words = kv_scale_words(V_TYPE, HEAD_DIM), scales = page + kPageTokens * kv_value_words(V_TYPE, HEAD_DIM);
  return block_scale(V_TYPE, v_pool[scales + token * scale_words + block / 2u], block);
}
vec4 load_v(uint page, uint token, uint quad) {
  const uint from = page + token * kv_value_words(V_TYPE, HEAD_DIM);
  if (in_blocks(V_TYPE))
    return scaled(quad_codes(V_TYPE, v_pool[from + quad_word(V_TYPE, quad)], quad), v_scale(page, token, quad / BLOCK_QUADS));
  if (V_TYPE == kKvF16) return vec4(unpackHalf2x16(v_pool[from + 2u * quad]), unpackHalf2x16(v_pool[from + 2u * quad + 1u]));
  const uint w = from + 4u * quad;
  return uintBitsToFloat(uvec4(v_pool[w], v_pool[w + 1u], v_pool[w + 2u], v_pool[w + 3u]));
}
vec2 load_v_pair(uint page, uint token, uint pair) {
  const uint from = page + token * kv_value_words(V_TYPE, HEAD_DIM), quad = pair / 2u;
  if (in_blocks(V_TYPE)) {
    const uint codes = quad_codes(V_TYPE, v_pool[from + quad_word(V_TYPE, quad)], quad) >> (16u * (pair & 1u));
    const vec2 scale = v_scale(page, token, quad / BLOCK_QUADS);
    return vec2(codes & 255u, codes >> 8 & 255u) * scale.x + scale.y;
  }
  if (V_TYPE == kKvF16) return unpackHalf2x16(v_pool[from + pair]);
  return uintBitsToFloat(uvec2(v_pool[from + 2u * pair], v_pool[from + 2u * pair + 1u]));
}
