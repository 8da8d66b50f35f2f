// What the attention kernels share: constants, buffers, the pages. KV_TYPE as in shared/kv_write.h, or kKvMixed; KV_VECTOR
// is the type in which the pools are read (uint, uvec2 or uvec4; V of KV_TYPE 2 as uint). APPENDS: the kernel writes into them.
#include "shared/attention.h"
#include "shared/kv_write.h"
#include "shared/step_params.h"

#ifndef KV_VECTOR
#define KV_VECTOR uint
#endif

layout(constant_id = 1) const uint HEAD_DIM = 64u;
layout(constant_id = 2) const uint GROUP = 1u;
layout(constant_id = 3) const uint QUERIES = 1u;

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
layout(binding = 2) POOL_ACCESS buffer VPool { KV_VECTOR v_pool[]; };
#endif
layout(binding = 3) readonly buffer PageTable { uint page_table[]; };
layout(binding = 4) readonly buffer Rows { StepRow step_rows[]; };
layout(binding = 5) writeonly buffer Y { float y[]; };

// VALUES dimensions of a head are a word; WORDS words are a head.
#if KV_TYPE == 0
const uint VALUES = 2u;
#define Values vec2
vec2 unpack(uint word) { return unpackHalf2x16(word); }
#elif KV_TYPE == 1
const uint VALUES = 1u;
#define Values float
float unpack(uint word) { return uintBitsToFloat(word); }
#else
const uint VALUES = 2u;  // WORDS are pairs of dimensions then, however they are stored
#define Values vec2
#endif
const uint WORDS = HEAD_DIM / VALUES;

const float LOWEST = -3.402823466e38;

uint page_index(uint slot, uint page, uint kv_head) {
  return page_table[slot * p.pages_per_slot + page] * p.kv_heads + kv_head;
}
#if KV_TYPE == 2
#include "lib/attention_mixed.glsl"
#else
// First word of a KV head's page in either pool.
uint page_base(uint slot, uint page, uint kv_head) { return page_index(slot, page, kv_head) * WORDS * kPageTokens; }
#define k_page_base page_base
#define v_page_base page_base
#endif
