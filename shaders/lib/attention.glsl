// What the attention kernels share: constants, buffers, the pages. KV_TYPE as in shared/kv_write.h; KV_VECTOR is the type
// in which the pools are read (uint or uvec4).
#include "shared/attention.h"
#include "shared/step_params.h"

#ifndef KV_VECTOR
#define KV_VECTOR uint
#endif

layout(constant_id = 1) const uint HEAD_DIM = 64u;
layout(constant_id = 2) const uint GROUP = 1u;
layout(constant_id = 3) const uint QUERIES = 1u;

layout(push_constant) uniform Push { AttentionPush p; };
layout(binding = 0) readonly buffer Q { float q[]; };
layout(binding = 1) readonly buffer KPool { KV_VECTOR k_pool[]; };
layout(binding = 2) readonly buffer VPool { KV_VECTOR v_pool[]; };
layout(binding = 3) readonly buffer PageTable { uint page_table[]; };
layout(binding = 4) readonly buffer Rows { StepRow step_rows[]; };
layout(binding = 5) writeonly buffer Y { float y[]; };

// VALUES dimensions of a head are a word; WORDS words are a head.
#if KV_TYPE == 0
const uint VALUES = 2u;
#define Values vec2
vec2 unpack(uint word) { return unpackHalf2x16(word); }
#else
const uint VALUES = 1u;
#define Values float
float unpack(uint word) { return uintBitsToFloat(word); }
#endif
const uint WORDS = HEAD_DIM / VALUES;

const float LOWEST = -3.402823466e38;

// First word of a KV head's page in either pool.
uint page_base(uint slot, uint page, uint kv_head) {
  return (page_table[slot * p.pages_per_slot + page] * p.kv_heads + kv_head) * WORDS * kPageTokens;
}
