#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/kv_write.h"
#include "shared/step_params.h"
#include "lib/rope.glsl"

// One lane takes two neighbouring dimensions of one head (q, then k, then v heads) of one row.
layout(local_size_x = kKvWriteWorkgroup) in;
layout(push_constant) uniform Push { KvWritePush p; };
layout(binding = 0) readonly buffer Qkv { float qkv[]; };
layout(binding = 1) readonly buffer Frequencies { uvec2 frequencies[]; };
layout(binding = 2) readonly buffer Rows { StepRow step_rows[]; };
layout(binding = 3) readonly buffer PageTable { uint page_table[]; };
layout(binding = 4) writeonly buffer Q { float q[]; };
layout(binding = 5) writeonly buffer KPool { uint k_pool[]; };
layout(binding = 6) writeonly buffer VPool { uint v_pool[]; };

// Dimension d of the head that begins at `from`, rotated.
float rotated(uint from, uint d, uint position) {
  const float own = qkv[from + d];
  if (d >= p.rotary) return own;
  if (p.half_pairs == 0u) {
    const vec2 cs = rope_cos_sin(frequencies[d / 2u], position);
    const float other = qkv[from + (d ^ 1u)];
    return (d & 1u) == 0u ? own * cs.x - other * cs.y : other * cs.y + own * cs.x;
  }
  const uint half_rotary = p.rotary / 2u;
  const bool lower = d < half_rotary;
  const vec2 cs = rope_cos_sin(frequencies[lower ? d : d - half_rotary], position);
  const float other = qkv[from + (lower ? d + half_rotary : d - half_rotary)];
  return lower ? own * cs.x - other * cs.y : other * cs.y + own * cs.x;
}

void main() {
  const uint pairs = p.head_dim / 2u;
  const uint head = gl_GlobalInvocationID.x / pairs, d = 2u * (gl_GlobalInvocationID.x % pairs), row = gl_GlobalInvocationID.y;
  if (head >= p.heads + 2u * p.kv_heads) return;
  const StepRow step_row = step_rows[row];
  const uint from = row * p.qkv_stride + head * p.head_dim;
  const bool is_v = head >= p.heads + p.kv_heads;
  const vec2 value = is_v ? vec2(qkv[from + d], qkv[from + d + 1u])
                          : vec2(rotated(from, d, step_row.position), rotated(from, d + 1u, step_row.position));
  if (head < p.heads) {
    q[row * p.q_stride + head * p.head_dim + d] = value.x;
    q[row * p.q_stride + head * p.head_dim + d + 1u] = value.y;
    return;
  }
#if KV_TYPE == 0
  const uint words = p.head_dim / 2u, word = d / 2u;
#else
  const uint words = p.head_dim, word = d;
#endif
  const uint kv_head = (head - p.heads) % p.kv_heads;
  const uint page = page_table[step_row.slot * p.pages_per_slot + step_row.position / kPageTokens];
  const uint token = step_row.position % kPageTokens;
  const uint base = (page * p.kv_heads + kv_head) * words * kPageTokens;
  if (is_v) {
#if KV_TYPE == 0
    v_pool[base + token * words + word] = packHalf2x16(value);
#else
    v_pool[base + token * words + word] = floatBitsToUint(value.x);
    v_pool[base + token * words + word + 1u] = floatBitsToUint(value.y);
#endif
  } else {
#if KV_TYPE == 0
    k_pool[base + word * kPageTokens + token] = packHalf2x16(value);
#else
    k_pool[base + word * kPageTokens + token] = floatBitsToUint(value.x);
    k_pool[base + (word + 1u) * kPageTokens + token] = floatBitsToUint(value.y);
#endif
  }
}
