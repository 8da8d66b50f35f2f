#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
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
layout(binding = 6) coherent buffer States { SampleState states[]; };  // (rows)
layout(binding = 7) coherent buffer Finds { uvec2 finds[]; };  // (rows, workgroups): bits of the value, index
layout(binding = 8) readonly buffer Masks { uint masks[]; };  // (slots, mask_words)
#include "lib/commit.glsl"

const float LOWEST = -3.402823466e38;
const float ONE = 2147483648.0;  // probability 1 as a weight
const uint BLOCK = 64u, BLOCKS = kSampleBins / BLOCK;
// Of the columns how often their tokens are in the window, or of the bins what their tokens weigh; then of blocks.
shared uint table[kSampleBins + BLOCKS];
shared uint found, rest_above, arrivals;

#define lane gl_LocalInvocationID.x
uint row_index, first, end, first_logit, slot, position;  // of this workgroup: its row and columns

// Order-preserving: a < b exactly when ordered(a) < ordered(b).
uint ordered(float value) {
  const uint bits = floatBitsToUint(value);
  return (bits & 0x80000000u) != 0u ? ~bits : bits | 0x80000000u;
}

// Whether this workgroup is the last of its row to come here; then it sees what all have written before.
bool last_to_arrive() {
  memoryBarrierBuffer();
  sync();
  if (lane == 0u) arrivals = atomicAdd(states[row_index].arrivals, 1u);
  sync();
  if (arrivals != gl_NumWorkGroups.x - 1u) return false;
  memoryBarrierBuffer();
  if (lane == 0u) states[row_index].arrivals = 0u;
  return true;
}

void count_window(uint window) {
  if (window == 0u) return;
  for (uint i = lane; i < kSampleCols; i += WG) table[i] = 0u;
  sync();
  const uint from = slot * p.commit.log_stride + position + 1u - window;
  for (uint i = lane; i < window; i += WG) {
    const uint token = token_log[from + i];
    if (token >= first && token < end) atomicAdd(table[token - first], 1u);
  }
  sync();
}

// Each lane looks for those of its own tokens, so that none waits for another's.
void add_biases() {
  for (uint i = 0u; i < samplers[slot].bias_count; ++i) {
    const TokenBias bias = samplers[slot].biases[i];
    if (bias.token < first || bias.token >= end || (bias.token - first) % WG != lane) continue;
    const float value = logits[first_logit + bias.token];
    if (is_finite(value)) logits[first_logit + bias.token] = clamp(value + bias.value, LOWEST, -LOWEST);
  }
}

float penalised(float value, uint count) {
  if (!is_finite(value)) return value;
  const float repeat = samplers[slot].repeat_penalty;
  return clamp((value > 0.0 ? value / repeat : value * repeat) - float(count) * samplers[slot].frequency_penalty -
                   samplers[slot].presence_penalty,
               LOWEST, -LOWEST);
}

// Of NaN and +infinity none is forbidden: they are a fault of the model's, which ends the sequence.
bool forbidden(float value, uint token) {
  if (!(is_finite(value))) return false;
  return (masks[slot * p.mask_words + token / 32u] >> (token % 32u) & 1u) == 0u;
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

// What a token that may be drawn has to show; the highest score is drawn.
float score_of(float logit, uint token, float highest) {
  const float temperature = samplers[slot].temperature;
  if (temperature <= 0.0) return logit;
  const uint hash = pcg4d(uvec4(samplers[slot].seed_low, samplers[slot].seed_high, position + 1u, token)).x;
  // Less the highest, which changes no order, and no temperature makes it overflow.
  return (logit - highest) / temperature - log(exponential(hash >> 8));
}

// The stages that have one value for the row: its highest logit, the total, or the token drawn. Of this workgroup's
// columns:
void look(out float value, out uint index) {
  const bool total = p.stage == kSampleTotal;
  const uint window = p.stage == kSamplePenalties ? min(samplers[slot].penalty_window, position + 1u) : 0u;
  const bool masked = p.stage == kSamplePenalties && samplers[slot].masked != 0u;
  const float highest = states[row_index].highest, min_p = samplers[slot].min_p;
  uint key = states[row_index].key;
  if (p.stage == kSampleDraw && samplers[slot].temperature > 0.0 && min_p > 0.0)
    key = max(key, ordered(min(highest, highest + log(min(min_p, 1.0)))));
  if (p.stage == kSamplePenalties) add_biases();
  count_window(window);
  value = total ? 0.0 : minus_infinity();
  index = 0u;
  for (uint k = first + lane; k < end; k += WG) {
    float here = logits[first_logit + k];
    if (p.stage == kSamplePenalties) {
      if (masked && forbidden(here, k)) logits[first_logit + k] = here = minus_infinity();
      if (window > 0u && table[k - first] > 0u) logits[first_logit + k] = here = penalised(here, table[k - first]);
      here = nan_as_infinity(here);
    } else {
      if (ordered(here) < key) continue;
      here = total ? exp(here - highest) : score_of(here, k, highest);
    }
    if (total) {
      value += here;
    } else if (here > value) {
      value = here;
      index = k;
    }
  }
}

// Of the lanes.
void combine(inout float value, inout uint index) {
  if (p.stage == kSampleTotal)
    value = reduce_add(value);
  else
    reduce_highest(value, index);
}

void decide(float value, uint token) {
  const float temperature = samplers[slot].temperature, top_p = samplers[slot].top_p;
  const uint top_k = samplers[slot].top_k;
  if (p.stage == kSamplePenalties) {
    states[row_index].highest = value;
    states[row_index].key = temperature > 0.0 ? ordered(LOWEST) : ordered(value);  // LOWEST: all but -infinity
    states[row_index].prefix = 0u;
    states[row_index].rest = temperature > 0.0 && top_k < p.cols ? top_k : 0u;
    if (is_finite(value)) return;
    states[row_index].key = kSampleNone;
    states[row_index].rest = 0u;
    commit_token(p.commit, row_index, kTokenNotFinite);
  } else if (p.stage == kSampleTotal) {
    states[row_index].inverse_total = 1.0 / value;
    states[row_index].rest = max(1u, uint(max(top_p, 0.0) * ONE));
  } else {
    commit_token(p.commit, row_index, token);
  }
}

void look_and_decide() {
  if (p.stage != kSamplePenalties && states[row_index].key == kSampleNone) return;
  if (p.stage == kSampleTotal && (samplers[slot].temperature <= 0.0 || samplers[slot].top_p >= 1.0)) return;
  const uint finds_start = row_index * gl_NumWorkGroups.x;
  float value;
  uint index;
  look(value, index);
  [[dont_unroll]] for (uint pass = 0u;; ++pass) {
    combine(value, index);
    if (pass == 1u) break;
    if (lane == 0u) finds[finds_start + gl_WorkGroupID.x] = uvec2(floatBitsToUint(value), index);
    if (!last_to_arrive()) return;
    value = p.stage == kSampleTotal ? 0.0 : minus_infinity();
    // Later workgroups have higher indices, so that the first of a lane's finds is the lowest.
    for (uint i = lane; i < gl_NumWorkGroups.x; i += WG) {
      const uvec2 find = finds[finds_start + i];
      const float here = uintBitsToFloat(find.x);
      if (p.stage == kSampleTotal) {
        value += here;
      } else if (here > value) {
        value = here;
        index = find.y;
      }
    }
  }
  if (lane == 0u) decide(value, index);
}

// The highest of `count` numbers of the table from `from` with which, and those above it, the sum reaches `rest`, and
// what the numbers above leave of it; kSampleNone if all of them are less.
void find_highest(uint from, uint count, uint rest) {
  if (lane == 0u) found = kSampleNone;
  sync();
  for (uint i = lane; i < count; i += WG) {
    uint above = 0u;
    for (uint j = i + 1u; j < count; ++j) above += table[from + j];
    if (above < rest && rest - above <= table[from + i]) {
      found = i;
      rest_above = rest - above;
    }
  }
  sync();
}

void choose_bin(uint shift) {
  uint rest = states[row_index].rest;
  for (uint i = lane; i < kSampleBins; i += WG) {
    table[i] = states[row_index].bins[i];
    states[row_index].bins[i] = 0u;
  }
  sync();
  for (uint block = lane; block < BLOCKS; block += WG) {
    uint sum = 0u;
    [[dont_unroll]] for (uint i = 0u; i < BLOCK; i += 8u)
      [[unroll]] for (uint j = 0u; j < 8u; ++j) sum += table[block * BLOCK + i + j];
    table[kSampleBins + block] = sum;
  }
  sync();
  bool any = true;
  uint bin = 0u;
  [[dont_unroll]] for (uint step = 0u; step < 2u && any; ++step) {
    find_highest(step == 0u ? kSampleBins : bin, step == 0u ? BLOCKS : BLOCK, rest);
    any = found != kSampleNone;
    bin = step == 0u ? found * BLOCK : bin + found;
    rest = rest_above;
    sync();
  }
  if (lane != 0u) return;
  const uint prefix = states[row_index].prefix | (any ? bin << shift : 0u);
  const bool done = !any || shift == 0u;
  if (any && done) states[row_index].key = max(states[row_index].key, prefix);
  states[row_index].prefix = done ? 0u : prefix;
  states[row_index].rest = done ? 0u : rest;
}

// A digit of the largest key such that the tokens with ordered(logit) >= key, among those that may be drawn, weigh at
// least what is looked for: 1 each for top-k, for top-p their probabilities in units of 1 / ONE.
void select_digit() {
  if (states[row_index].rest == 0u) return;
  const bool counting = p.stage < kSampleTotal;
  const uint digit = p.stage - (counting ? kSampleTopK : kSampleTopP);
  const uint shift = digit == 0u ? 21u : digit == 1u ? 10u : 0u, bits = digit == 2u ? 10u : 11u;
  const uint least = states[row_index].key, prefix = states[row_index].prefix;
  const float highest = states[row_index].highest, inverse_total = states[row_index].inverse_total;
  for (uint i = lane; i < kSampleBins; i += WG) table[i] = 0u;
  sync();
  for (uint k = first + lane; k < end; k += WG) {
    const float logit = logits[first_logit + k];
    const uint key = ordered(logit);
    if (key < least || (key >> shift) >> bits != (prefix >> shift) >> bits) continue;
    const uint weight = counting ? 1u : uint(exp(logit - highest) * inverse_total * ONE);
    if (weight > 0u) atomicAdd(table[bitfieldExtract(key, int(shift), int(bits))], weight);
  }
  sync();
  for (uint i = lane; i < kSampleBins; i += WG)
    if (table[i] > 0u) atomicAdd(states[row_index].bins[i], table[i]);
  if (last_to_arrive()) choose_bin(shift);
}

void main() {
  row_index = gl_WorkGroupID.y;
  first = gl_WorkGroupID.x * kSampleCols;
  end = min(first + kSampleCols, p.cols);
  first_logit = row_index * p.logits_stride;
  slot = step_rows[p.commit.source_row + row_index].slot;
  position = step_rows[p.commit.source_row + row_index].position;
  if (p.stage == kSamplePenalties || p.stage == kSampleTotal || p.stage == kSampleDraw)
    look_and_decide();
  else
    select_digit();
}
