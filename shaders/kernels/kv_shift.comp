#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/kv_shift.h"
#include "shared/kv_write.h"
#include "shared/step_params.h"
#include "lib/rope.glsl"

// One lane takes one token of a pair of dimensions of a head of a page; with F16 and pairs of halves, two pairs, as two
// neighbouring dimensions share a word.
layout(local_size_x = kKvShiftWorkgroup) in;
layout(push_constant) uniform Push { KvShiftPush p; };
layout(binding = 0) readonly buffer Frequencies { uvec2 frequencies[]; };
layout(binding = 1) readonly buffer PageTable { uint page_table[]; };
layout(binding = 2) buffer KPool { uint k_pool[]; };

vec2 turned_back(vec2 v, uint pair) {
  const vec2 cs = rope_cos_sin(frequencies[pair], p.shift);
  return vec2(v.x * cs.x + v.y * cs.y, v.y * cs.x - v.x * cs.y);
}

void main() {
  const uint units = p.head_dim / 2u;
  const uint token = gl_GlobalInvocationID.x % kPageTokens;
  const uint unit = gl_GlobalInvocationID.x / kPageTokens % units;
  const uint head = gl_GlobalInvocationID.x / (kPageTokens * units);
  if (head >= p.kv_heads) return;
#if KV_TYPE == 0
  const uint words = p.head_dim / 2u;
#else
  const uint words = p.head_dim;
#endif
  const uint page = page_table[p.first + gl_GlobalInvocationID.y];
  const uint base = (page * p.kv_heads + head) * words * kPageTokens + token;
  const bool halves = p.half_pairs != 0u;
#if KV_TYPE == 0
  const uint quarter = p.rotary / 4u;
  if (halves && unit < 2u * quarter) {
    if (unit >= quarter) return;  // with the unit that has the other half
    const uint a = base + unit * kPageTokens, b = a + quarter * kPageTokens;
    const vec2 low = unpackHalf2x16(k_pool[a]), high = unpackHalf2x16(k_pool[b]);
    const vec2 even = turned_back(vec2(low.x, high.x), 2u * unit);
    const vec2 odd = turned_back(vec2(low.y, high.y), 2u * unit + 1u);
    k_pool[a] = packHalf2x16(vec2(even.x, odd.x));
    k_pool[b] = packHalf2x16(vec2(even.y, odd.y));
    return;
  }
  if (2u * unit >= p.rotary) return;
  const uint a = base + unit * kPageTokens;
  k_pool[a] = packHalf2x16(turned_back(unpackHalf2x16(k_pool[a]), unit));
#else
  if (2u * unit >= p.rotary) return;
  const uint a = base + (halves ? unit : 2u * unit) * kPageTokens;
  const uint b = a + (halves ? p.rotary / 2u : 1u) * kPageTokens;
  const vec2 turned = turned_back(uintBitsToFloat(uvec2(k_pool[a], k_pool[b])), unit);
  k_pool[a] = floatBitsToUint(turned.x);
  k_pool[b] = floatBitsToUint(turned.y);
#endif
}
