#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/kv_write.glsl"

// One lane takes two neighbouring dimensions of one head (q, then k, then v heads) of one row.
layout(local_size_x = kKvWriteWorkgroup) in;

void main() {
  const uint pairs = p.head_dim / 2u;
  const uint head = gl_GlobalInvocationID.x / pairs, d = 2u * (gl_GlobalInvocationID.x % pairs);
  const uint row = gl_GlobalInvocationID.y;
  if (head >= p.heads + 2u * p.kv_heads) return;
  const StepRow step_row = step_rows[row];
  const uint from = head_start(row, head);
  if (head < p.heads) {
    const uint to = row * p.q_stride + head * p.head_dim;
    q[to + d] = query_at(from, to, d, step_row);
    q[to + d + 1u] = query_at(from, to, d + 1u, step_row);
    return;
  }
  const bool is_v = head >= p.heads + p.kv_heads;
  const vec2 value = is_v ? vec2(qkv[from + d], qkv[from + d + 1u])
                          : vec2(key_at(from, d, step_row), key_at(from, d + 1u, step_row));
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
