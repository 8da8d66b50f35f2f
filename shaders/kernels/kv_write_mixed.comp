#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/kv_write.glsl"

// Any types of K and V, and Hadamard rotations (1: none). A workgroup takes one head (q, then k, then v heads) of one
// row: it rotates the head in shared memory, finds each block's scale and writes the head's words.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 32u;
layout(constant_id = 1) const uint HEAD_DIM = 64u;
layout(constant_id = 2) const uint K_TYPE = 2u;
layout(constant_id = 3) const uint V_TYPE = 2u;
layout(constant_id = 4) const uint K_ROTATION = 1u;
layout(constant_id = 5) const uint V_ROTATION = 1u;

const uint BLOCKS = (HEAD_DIM + kKvBlock - 1u) / kKvBlock;

shared float values[HEAD_DIM];
shared float scales[BLOCKS + 1u];  // one more, as the second of a word
shared vec2 ranges[HEAD_DIM / 4u];  // of four dimensions each: lowest and highest

#define HADAMARD_VALUE float
#define HADAMARD_AT(i) values[i]
#define HADAMARD_SYNC barrier
#include "lib/hadamard.glsl"

// As it is stored, so that codes are those nearest to what is read.
float stored_scale(float scale) { return unpackHalf2x16(packHalf2x16(vec2(clamp(scale, -65504.0, 65504.0), 0.0))).x; }

// Q8_0 is symmetric. Of Q4_0's codes 0 is the value of largest magnitude, whatever its sign, so that all codes are
// used.
void find_scales(uint type) {
  for (uint i = gl_LocalInvocationID.x; i < HEAD_DIM / 4u; i += WG) {
    const vec4 four = vec4(values[4u * i], values[4u * i + 1u], values[4u * i + 2u], values[4u * i + 3u]);
    ranges[i] = vec2(min(min(four.x, four.y), min(four.z, four.w)), max(max(four.x, four.y), max(four.z, four.w)));
  }
  barrier();
  for (uint block = gl_LocalInvocationID.x; block < BLOCKS; block += WG) {
    float low = 0.0, high = 0.0;
    for (uint i = block * kKvBlock / 4u; i < min((block + 1u) * kKvBlock, HEAD_DIM) / 4u; ++i) {
      low = min(low, ranges[i].x);
      high = max(high, ranges[i].y);
    }
    scales[block] = stored_scale(type == kKvQ8_0 ? max(high, -low) / 127.0 : (high > -low ? high : low) / -8.0);
  }
  if (gl_LocalInvocationID.x == 0u) scales[BLOCKS] = 0.0;
  barrier();
}

uint code(uint type, uint d) {
  const float scale = scales[d / kKvBlock], steps = scale == 0.0 ? 0.0 : values[d] / scale;
  return type == kKvQ8_0 ? uint(clamp(floor(steps + 128.5), 1.0, 255.0)) : uint(clamp(floor(steps + 8.5), 0.0, 15.0));
}

uint value_word(uint type, uint w) {
  if (type == kKvF32) return floatBitsToUint(values[w]);
  if (type == kKvF16) return packHalf2x16(vec2(values[2u * w], values[2u * w + 1u]));
  uint word = 0u;
  if (type == kKvQ8_0) {
    for (uint i = 0u; i < 4u; ++i) word |= code(type, 4u * w + i) << (8u * i);
  } else {
    for (uint i = 0u; i < 4u; ++i) word |= (code(type, 8u * w + i) | code(type, 8u * w + 4u + i) << 4) << (8u * i);
  }
  return word;
}

// Word w of a head: its values, then its scales.
uint word_of(uint type, uint w) {
  const uint count = kv_value_words(type, HEAD_DIM);
  if (w < count) return value_word(type, w);
  const uint block = 2u * (w - count);
  return packHalf2x16(vec2(scales[block], scales[min(block + 1u, BLOCKS)]));
}

void write_k(uint base, uint token) {
  const uint count = kv_value_words(K_TYPE, HEAD_DIM) + kv_scale_words(K_TYPE, HEAD_DIM);
  for (uint w = gl_LocalInvocationID.x; w < count; w += WG)
    k_pool[base * count + w * kPageTokens + token] = word_of(K_TYPE, w);
}

void write_v(uint base, uint token) {
  const uint words = kv_value_words(V_TYPE, HEAD_DIM), more = kv_scale_words(V_TYPE, HEAD_DIM);
  for (uint w = gl_LocalInvocationID.x; w < words + more; w += WG) {
    const uint to = w < words ? token * words + w : kPageTokens * words + token * more + w - words;
    v_pool[base * (words + more) + to] = word_of(V_TYPE, w);
  }
}

void main() {
  const uint head = gl_WorkGroupID.x, row = gl_WorkGroupID.y;
  const StepRow step_row = step_rows[row];
  const uint from = head_start(row, head), to = row * p.q_stride + head * HEAD_DIM;
  const bool is_v = head >= p.heads + p.kv_heads;
  const uint block = is_v ? V_ROTATION : K_ROTATION;
  const float factor = block == 1u ? 1.0 : inversesqrt(float(block));
  for (uint d = gl_LocalInvocationID.x; d < HEAD_DIM; d += WG)
    values[d] = factor * (head < p.heads ? query_at(from, to, d, step_row)
                          : is_v         ? qkv[from + d]
                                         : key_at(from, d, step_row));
  barrier();
  hadamard(HEAD_DIM, block, gl_LocalInvocationID.x, WG);
  if (head < p.heads) {
    for (uint d = gl_LocalInvocationID.x; d < HEAD_DIM; d += WG) q[to + d] = values[d];
    return;
  }
  find_scales(is_v ? V_TYPE : K_TYPE);
  const uint page = page_table[step_row.slot * p.pages_per_slot + step_row.position / kPageTokens];
  const uint base = (page * p.kv_heads + (head - p.heads) % p.kv_heads) * kPageTokens;
  const uint token = step_row.position % kPageTokens;
  if (is_v) write_v(base, token);
  else write_k(base, token);
}
