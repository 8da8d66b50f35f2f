// Decode attention that does kv_write's work too, in KV types of which each dimension is stored by itself: with APPEND, q
// holds a step's rows as kv_write takes them. A row's own key and value are taken from there, not from the pages: a
// workgroup would have to wait for them. The workgroup of the last split stores them. The includer has included
// lib/attention.glsl with APPENDS.
#if KV_TYPE == 2
const bool APPEND = false;
#else
layout(constant_id = 4) const bool APPEND = false;
layout(binding = 8) readonly buffer Frequencies { uvec2 frequencies[]; };
#define ROPE_X q
#include "lib/rope_head.glsl"

// Where the row's own key and value begin.
uint own_key_start() { return gl_WorkGroupID.x * p.q_stride + (p.kv_heads * GROUP + gl_WorkGroupID.y) * HEAD_DIM; }
uint own_value_start() { return own_key_start() + p.kv_heads * HEAD_DIM; }

// Word w of them, as the pages hold it.
uint own_key(uint w, uint position) {
  const uint from = own_key_start(), d = w * VALUES;
  const float value = rotated(from, d, rope_factors(d, position));
#if KV_TYPE == 0
  return packHalf2x16(vec2(value, rotated(from, d + 1u, rope_factors(d + 1u, position))));
#else
  return floatBitsToUint(value);
#endif
}
uint own_value(uint w) {
  const uint at = own_value_start() + w * VALUES;
#if KV_TYPE == 0
  return packHalf2x16(vec2(q[at], q[at + 1u]));
#else
  return floatBitsToUint(q[at]);
#endif
}

void store_own(StepRow row, uint w, uint key, uint value) {
  const uint base = page_base(row.slot, row.position / kPageTokens, gl_WorkGroupID.y), token = row.position % kPageTokens;
  k_pool[base + w * kPageTokens + token] = key;
  v_pool[base + token * WORDS + w] = value;
}
#endif

// How many tokens the pages of a row hold.
uint stored_keys(uint position) { return APPEND ? position : position + 1u; }
