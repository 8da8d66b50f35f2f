#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "lib/reduce.glsl"
#include "lib/reduce_strided.glsl"
#include "lib/dequant.glsl"
#include "lib/numerics.glsl"
#include "shared/matvec.h"

// Lanes form 8 rows (the interleave) times WG / 8 strides along K; a lane computes ROWS rows for COLS columns. With 8
// lanes (the software driver's SIMD width) every lane has its own rows, x is uniform, and nothing is reduced.
layout(constant_id = 1) const uint ROWS = 1u;
layout(constant_id = 2) const uint COLS = 1u;
layout(constant_id = 3) const uint FLAGS = 0u;
layout(constant_id = 4) const uint AHEAD = 1u;  // 0: a unit a pair at a time

layout(push_constant) uniform Push { MatvecPush p; };
layout(binding = 0) readonly buffer Weights { uint weights[]; };
layout(binding = 0) readonly buffer WeightQuads { uvec4 weight_quads[]; };
layout(binding = 1) readonly buffer UpWeights { uint up_weights[]; };
layout(binding = 1) readonly buffer UpWeightQuads { uvec4 up_weight_quads[]; };
layout(binding = 2) readonly buffer X { vec4 x[]; };
layout(binding = 3) readonly buffer NormWeight { float norm_weight[]; };
layout(binding = 4) readonly buffer Bias { float bias[]; };
layout(binding = 5) buffer Y { float y[]; };
layout(binding = 6) readonly buffer Choices { uvec2 choices[]; };
layout(binding = 6) readonly buffer Tiles { uint tiles[]; };

const bool NORM = (FLAGS & kMatvecNorm) != 0u, GATED = (FLAGS & kMatvecGated) != 0u;
const bool TAIL = (FLAGS & kMatvecTail) != 0u, CHOSEN = (FLAGS & kMatvecChosen) != 0u;
const bool TILED = CHOSEN && COLS > 1u, HEADS = (FLAGS & kMatvecHeads) != 0u;
const uint K_LANES = WG / 8u;

vec4 within(vec4 v, uint k) {
  if (!TAIL) return v;
  return vec4(k < p.cols ? v.x : 0.0, k + 1u < p.cols ? v.y : 0.0, k + 2u < p.cols ? v.z : 0.0,
              k + 3u < p.cols ? v.w : 0.0);
}
vec4 norm_at(uint k) {
  if (!TAIL) return vec4(norm_weight[k], norm_weight[k + 1u], norm_weight[k + 2u], norm_weight[k + 3u]);
  const uint last = p.cols - 1u;
  return vec4(norm_weight[min(k, last)], norm_weight[min(k + 1u, last)], norm_weight[min(k + 2u, last)],
              norm_weight[min(k + 3u, last)]);
}

const uint SUMS = ROWS * COLS, UP_SUMS = GATED ? SUMS : 1u, UP_ROWS = GATED ? ROWS : 1u;

uint expert_row = 0u;  // the first of the chosen expert

float sum[SUMS], up_sum[UP_SUMS], squares[COLS];

// The row of y of a column of this workgroup; beyond the last where it has none.
uint y_row(uint c) {
  return TILED ? tiles[gl_WorkGroupID.y * (1u + COLS) + 1u + c] : gl_WorkGroupID.y * COLS + c;
}

// Adds a pair of every row and column; k: where its lower values lie in x.
// Where the x of a column begins, and its y.
uint x_start(uint col) {
  if (HEADS) return col / p.share * p.x_stride + p.x_first + col % p.share * p.x_head;
  return (CHOSEN ? col / p.share : col) * p.x_stride;
}
uint y_start(uint col) {
  return (HEADS ? col / p.share * p.y_stride + col % p.share * p.y_head : col * p.y_stride) + p.y_offset;
}

void add_pair(const in UnitPair w[ROWS], const in UnitPair up[UP_ROWS], uint k) {
  [[unroll]] for (uint c = 0u; c < COLS; ++c) {
    const uint col = min(y_row(c), p.n - 1u);
    const uint at = (x_start(col) + k) / 4u;
    vec4 lo = within(x[at], k);
    vec4 hi = TAIL && k + 16u >= p.cols ? vec4(0.0) : within(x[at + 4u], k + 16u);
    if (NORM) {
      squares[c] += dot(lo, lo) + dot(hi, hi);
      lo *= norm_at(k);
      hi *= norm_at(k + 16u);
    }
    [[unroll]] for (uint r = 0u; r < ROWS; ++r) {
      sum[r * COLS + c] += dot(w[r].lo, lo) + dot(w[r].hi, hi);
      if (GATED) up_sum[r * COLS + c] += dot(up[r].lo, lo) + dot(up[r].hi, hi);
    }
  }
}

uint weight_row(uint first_row, uint r) { return expert_row + min(first_row + 8u * r, (p.rows - 1u) | 7u); }

// A unit a pair at a time: for more sums than leave registers to load ahead with.
void add_by_pairs(uint unit, uint first_row) {
  uvec2 base[ROWS], up_base[UP_ROWS];
  UnitScale scale[ROWS], up_scale[UP_ROWS];
  for (uint r = 0u; r < ROWS; ++r) {
    const uint row = weight_row(first_row, r);
    base[r] = unit_base(p.quant_offset, row, p.units, unit);
    scale[r] = UNIT_SCALE(weights, p.scale_offset, row, p.units, unit);
    if (GATED) {
      up_base[r] = unit_base(p.up_quant_offset, row, p.units, unit);
      up_scale[r] = UNIT_SCALE(up_weights, p.up_scale_offset, row, p.units, unit);
    }
  }
  [[dont_unroll]] for (uint j = 0u; j < 4u; ++j) {
    UnitPair w[ROWS], up[UP_ROWS];
    for (uint r = 0u; r < ROWS; ++r) {
      w[r] = UNIT_PAIR(weights, base[r], j, scale[r]);
      if (GATED) up[r] = UNIT_PAIR(up_weights, up_base[r], j, up_scale[r]);
    }
    add_pair(w, up, unit * 32u + 4u * j);
  }
}

// `count` units, K_LANES apart, whose weights are all loaded first; a constant wherever this is called.
const uint MOST = AHEAD == 0u ? 1u : AHEAD;
void add_units(uint count, uint first, uint first_row) {
  UnitWords words[MOST * ROWS], up_words[MOST * UP_ROWS];
  UnitScale scale[MOST * ROWS], up_scale[MOST * UP_ROWS];
  [[unroll]] for (uint i = 0u; i < count * ROWS; ++i) {
    const uint row = weight_row(first_row, i % ROWS), unit = first + i / ROWS * K_LANES;
    const uvec2 base = unit_base(p.quant_offset, row, p.units, unit);
    words[i] = UNIT_WORDS(weights, weight_quads, base);
    scale[i] = UNIT_SCALE_WIDE(weights, weight_quads, p.scale_offset, row, p.units, unit);
    if (!GATED) continue;
    const uvec2 up_base = unit_base(p.up_quant_offset, row, p.units, unit);
    up_words[i] = UNIT_WORDS(up_weights, up_weight_quads, up_base);
    up_scale[i] = UNIT_SCALE_WIDE(up_weights, up_weight_quads, p.up_scale_offset, row, p.units, unit);
  }
  [[unroll]] for (uint u = 0u; u < count; ++u)
    [[unroll]] for (uint j = 0u; j < 4u; ++j) {
      UnitPair w[ROWS], up[UP_ROWS];
      [[unroll]] for (uint r = 0u; r < ROWS; ++r) {
        w[r] = unit_pair(words[u * ROWS + r], j, scale[u * ROWS + r]);
        if (GATED) up[r] = unit_pair(up_words[u * ROWS + r], j, up_scale[u * ROWS + r]);
      }
      add_pair(w, up, (first + u * K_LANES) * 32u + 4u * j);
    }
}

float over_lanes(float value) { return K_LANES > 1u ? reduce_add_strided(value, 8u) : value; }

void store_column(uint c, uint k_lane, uint first_row) {
  const uint col = y_row(c);
  const float factor = NORM ? p.factor * inversesqrt(over_lanes(squares[c]) / float(p.cols) + p.eps) : p.factor;
  [[unroll]] for (uint r = 0u; r < ROWS; ++r) {
    const uint row = first_row + 8u * r;
    float value = over_lanes(sum[r * COLS + c]) * factor;
    if ((FLAGS & kMatvecBias) != 0u) value += bias[p.bias_offset + expert_row + min(row, p.rows - 1u)];
    if (GATED) {
      const float up_value = over_lanes(up_sum[r * COLS + c]) * factor;
      value = ((FLAGS & kMatvecGelu) != 0u ? gelu(value) : silu(value)) * up_value;
    }
    if (k_lane == 0u && row < p.rows && col < p.n) {
      const uint to = y_start(col) + row;
      y[to] = (FLAGS & kMatvecAccumulate) != 0u ? y[to] + value : value;
    }
  }
}

void main() {
  const uint lane = lane_index();
  const uint k_lane = WG == 8u ? 0u : lane / 8u;
  const uint first_row = gl_WorkGroupID.x * 8u * ROWS + lane % 8u;
  if (CHOSEN) {
    const uint chosen = TILED   ? tiles[gl_WorkGroupID.y * (1u + COLS)]
                        : HEADS ? gl_WorkGroupID.y % p.share
                                : choices[gl_WorkGroupID.y].x;
    const uint expert = chosen - p.first_expert;  // wraps below the slab, and then is beyond it
    if (expert >= p.experts) return;
    expert_row = expert * p.rows;
  }
  [[unroll]] for (uint i = 0u; i < SUMS; ++i) sum[i] = 0.0;
  [[unroll]] for (uint i = 0u; i < UP_SUMS; ++i) up_sum[i] = 0.0;
  [[unroll]] for (uint c = 0u; c < COLS; ++c) squares[c] = 0.0;
  uint unit = k_lane;
  if (AHEAD == 0u) {
    for (; unit < p.units; unit += K_LANES) add_by_pairs(unit, first_row);
  } else {
    for (; unit + (AHEAD - 1u) * K_LANES < p.units; unit += AHEAD * K_LANES)
      add_units(AHEAD, unit, first_row);
    if (AHEAD > 1u)
      for (; unit < p.units; unit += K_LANES) add_units(1u, unit, first_row);
  }
  [[unroll]] for (uint c = 0u; c < COLS; ++c) store_column(c, k_lane, first_row);
}
