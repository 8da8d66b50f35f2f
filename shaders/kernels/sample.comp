#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/reduce.glsl"
#include "shared/sample.h"
#include "shared/step_params.h"

layout(push_constant) uniform Push { SamplePush p; };
layout(binding = 0) buffer Logits { float logits[]; };  // penalties are applied in place
layout(binding = 1) readonly buffer Rows { StepRow step_rows[]; };
layout(binding = 2) buffer NextRows { StepRow next_rows[]; };
layout(binding = 3) buffer TokenLog { uint token_log[]; };
layout(binding = 4) buffer AttentionArguments { uint attention_arguments[3]; };
layout(binding = 5) readonly buffer Samplers { SamplerParams samplers[]; };
layout(binding = 6) coherent buffer Counts { uint counts[]; };  // (rows, cols): of the window's tokens
#include "lib/commit.glsl"

const float LOWEST = -3.402823466e38;
shared uint histogram[256];
const uint BLOCK = 16u;  // bins that are summed before one lane looks for the block, then for the bin
shared uint blocks[256u / BLOCK];
shared uint chosen_bin, chosen_rest;
uint first_logit;  // of this workgroup's row

// Order-preserving: a < b exactly when ordered(a) < ordered(b).
uint ordered(float value) {
  const uint bits = floatBitsToUint(value);
  return (bits & 0x80000000u) != 0u ? ~bits : bits | 0x80000000u;
}

void sync_buffers() {
  memoryBarrierBuffer();
  sync();
}

void penalise(uint slot, uint position, uint lane) {
  const uint known = position + 1u, window = min(samplers[slot].penalty_window, known);
  const uint log_start = slot * p.commit.log_stride + known - window, first_count = gl_WorkGroupID.x * p.cols;
  if (window == 0u) return;
  for (uint i = lane; i < window; i += WG) {
    const uint token = token_log[log_start + i];
    if (token < p.cols) counts[first_count + token] = 0u;
  }
  sync_buffers();
  for (uint i = lane; i < window; i += WG) {
    const uint token = token_log[log_start + i];
    if (token < p.cols) atomicAdd(counts[first_count + token], 1u);
  }
  sync_buffers();
  for (uint i = lane; i < window; i += WG) {
    const uint token = token_log[log_start + i];
    // The lane that takes the count away penalises, the others find nothing.
    const uint count = token < p.cols ? atomicExchange(counts[first_count + token], 0u) : 0u;
    if (count == 0u) continue;
    const float value = logits[first_logit + token], repeat = samplers[slot].repeat_penalty;
    if (!is_finite(value)) continue;
    const float penalised = (value > 0.0 ? value / repeat : value * repeat) -
                            float(count) * samplers[slot].frequency_penalty - samplers[slot].presence_penalty;
    logits[first_logit + token] = clamp(penalised, LOWEST, -LOWEST);
  }
  sync_buffers();
}

// What a token weighs in a selection: 1 when counting, else its probability in units of 2^-31.
uint weight_of(float value, bool counting, float highest, float inverse_total) {
  return counting ? 1u : uint(exp(value - highest) * inverse_total * 2147483648.0);
}

// The largest key such that the tokens with ordered(logit) >= key, among those >= floor_key, weigh at least `target`;
// floor_key when all of them weigh less. Radix selection, 8 bits a pass from the top.
uint select_key(uint floor_key, uint target, bool counting, float highest, float inverse_total, uint lane) {
  uint prefix = 0u, rest = target;
  for (uint shift = 24u;; shift -= 8u) {
    for (uint i = lane; i < 256u; i += WG) histogram[i] = 0u;
    sync();
    for (uint k = lane; k < p.cols; k += WG) {
      const uint key = ordered(logits[first_logit + k]);
      if (key < floor_key || (shift < 24u && (key >> (shift + 8u)) != (prefix >> (shift + 8u)))) continue;
      const uint weight = weight_of(logits[first_logit + k], counting, highest, inverse_total);
      if (weight > 0u) atomicAdd(histogram[(key >> shift) & 255u], weight);
    }
    sync();
    for (uint block = lane; block < 256u / BLOCK; block += WG) {
      uint sum = 0u;
      for (uint bin = block * BLOCK; bin < (block + 1u) * BLOCK; ++bin) sum += histogram[bin];
      blocks[block] = sum;
    }
    sync();
    if (lane == 0u) {
      uint above = 0u, block = 256u / BLOCK;
      while (block > 0u && above + blocks[block - 1u] < rest) above += blocks[--block];
      uint bin = block * BLOCK;
      while (block > 0u && above + histogram[bin - 1u] < rest) above += histogram[--bin];
      chosen_bin = block > 0u ? bin - 1u : 256u;
      chosen_rest = rest - above;
    }
    sync();
    if (chosen_bin == 256u) return floor_key;
    prefix |= chosen_bin << shift;
    rest = chosen_rest;
    if (shift == 0u) return max(prefix, floor_key);
    sync();
  }
}

uvec4 pcg4d(uvec4 v) {
  v = v * 1664525u + 1013904223u;
  v.x += v.y * v.w; v.y += v.z * v.x; v.z += v.x * v.y; v.w += v.y * v.z;
  v ^= v >> 16;
  v.x += v.y * v.w; v.y += v.z * v.x; v.z += v.x * v.y; v.w += v.y * v.z;
  return v;
}

// -log(u) of u = (h + 0.5) * 2^-24, h of 24 bits. The largest h, with the smallest results, win the draw: there u would
// round to 1 and log is inexact, so 1 - u (exact in a float) and the series of -log(1 - x) take their place.
float exponential(uint h) {
  if (h < 0x800000u) return -log((float(h) + 0.5) * (1.0 / 16777216.0));
  const float x = (float(0xffffffu - h) + 0.5) * (1.0 / 16777216.0);
  return x < 0.01 ? x * (1.0 + x * (0.5 + x * (1.0 / 3.0 + x * 0.25))) : -log(1.0 - x);
}

// The key that a token must reach to be drawn at all.
uint threshold_key(uint slot, float highest, uint lane) {
  uint key = ordered(LOWEST);  // everything but -infinity
  const uint top_k = samplers[slot].top_k;
  if (top_k > 0u && top_k < p.cols) key = max(key, select_key(key, top_k, true, 0.0, 0.0, lane));
  const float top_p = samplers[slot].top_p, min_p = samplers[slot].min_p;
  if (top_p < 1.0) {
    float total = 0.0;
    for (uint k = lane; k < p.cols; k += WG)
      if (ordered(logits[first_logit + k]) >= key) total += exp(logits[first_logit + k] - highest);
    const float inverse_total = 1.0 / reduce_add(total);
    const uint target = max(1u, uint(max(top_p, 0.0) * 2147483648.0));
    key = select_key(key, target, false, highest, inverse_total, lane);
  }
  if (min_p > 0.0) key = max(key, ordered(min(highest, highest + log(min(min_p, 1.0)))));
  return key;
}

void main() {
  const uint lane = gl_LocalInvocationID.x;
  first_logit = gl_WorkGroupID.x * p.logits_stride;
  const StepRow row = step_rows[p.commit.source_row + gl_WorkGroupID.x];
  const uint slot = row.slot;
  penalise(slot, row.position, lane);

  float highest = minus_infinity();
  for (uint k = lane; k < p.cols; k += WG) highest = max(highest, nan_as_infinity(logits[first_logit + k]));
  highest = reduce_max(highest);
  if (!is_finite(highest)) {
    if (lane == 0u) commit_token(p.commit, gl_WorkGroupID.x, kTokenNotFinite);
    return;
  }
  const float temperature = samplers[slot].temperature;
  const uint key = temperature > 0.0 ? threshold_key(slot, highest, lane) : ordered(highest);

  float best = minus_infinity();
  uint token = 0u;
  for (uint k = lane; k < p.cols; k += WG) {
    if (ordered(logits[first_logit + k]) < key) continue;
    float score = logits[first_logit + k];
    if (temperature > 0.0) {
      const uint hash = pcg4d(uvec4(samplers[slot].seed_low, samplers[slot].seed_high, row.position + 1u, k)).x;
      // Less the highest, which changes no order, and no temperature makes it overflow.
      score = (logits[first_logit + k] - highest) / temperature - log(exponential(hash >> 8));
    }
    if (score > best) {
      best = score;
      token = k;
    }
  }
  token = lowest_index(best == reduce_max(best), token);
  if (lane == 0u) commit_token(p.commit, gl_WorkGroupID.x, token);
}
