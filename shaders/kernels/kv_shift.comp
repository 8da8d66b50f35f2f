#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/kv_shift.h"
#include "shared/kv_write.h"
#include "shared/step_params.h"
#include "lib/rope.glsl"

// One lane takes one token of a unit of a head of a page: two dimensions that form a pair, or are not rotated; with F16
// and pairs of halves, two such pairs, as two neighbouring dimensions share a word.
layout(local_size_x = kKvShiftWorkgroup) in;
layout(push_constant) uniform Push { KvShiftPush p; };
layout(binding = 0) readonly buffer Frequencies { uvec2 frequencies[]; };
layout(binding = 1) readonly buffer Pages { KvShiftPage pages[]; };
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
  const KvShiftPage page = pages[gl_GlobalInvocationID.y];
  const uint from = (page.source * p.kv_heads + head) * words * kPageTokens + token;
  const uint to = (page.target * p.kv_heads + head) * words * kPageTokens + token;
  const bool halves = p.half_pairs != 0u;
#if KV_TYPE == 0
  const uint quarter = p.rotary / 4u;
  if (halves && unit < 2u * quarter) {
    if (unit >= quarter) return;  // with the unit that has the other half
    const uint a = unit * kPageTokens, b = (unit + quarter) * kPageTokens;
    const vec2 low = unpackHalf2x16(k_pool[from + a]), high = unpackHalf2x16(k_pool[from + b]);
    const vec2 even = turned_back(vec2(low.x, high.x), 2u * unit), odd = turned_back(vec2(low.y, high.y), 2u * unit + 1u);
    k_pool[to + a] = packHalf2x16(vec2(even.x, odd.x));
    k_pool[to + b] = packHalf2x16(vec2(even.y, odd.y));
    return;
  }
  const uint word = k_pool[from + unit * kPageTokens];
  const bool rotated = 2u * unit < p.rotary;
  k_pool[to + unit * kPageTokens] = rotated ? packHalf2x16(turned_back(unpackHalf2x16(word), unit)) : word;
#else
  const bool rotated = 2u * unit < p.rotary;
  const uint a = (halves && rotated ? unit : 2u * unit) * kPageTokens;
  const uint b = a + (halves && rotated ? p.rotary / 2u : 1u) * kPageTokens;
  const vec2 pair = uintBitsToFloat(uvec2(k_pool[from + a], k_pool[from + b]));
  const vec2 turned = rotated ? turned_back(pair, unit) : pair;
  k_pool[to + a] = floatBitsToUint(turned.x);
  k_pool[to + b] = floatBitsToUint(turned.y);
#endif
}
