#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "lib/reduce.glsl"
#include "lib/dequant.glsl"
#include "lib/numerics.glsl"
#include "shared/matvec.h"

// Lanes form 8 rows (the interleave) times WG / 8 strides along K; a lane computes ROWS rows for COLS columns. With 8
// lanes (the software driver's SIMD width) every lane has its own rows, x is uniform, and nothing is reduced.
layout(constant_id = 1) const uint ROWS = 1u;
layout(constant_id = 2) const uint COLS = 1u;
layout(constant_id = 3) const uint FLAGS = 0u;

layout(push_constant) uniform Push { MatvecPush p; };
layout(binding = 0) readonly buffer Weights { uint weights[]; };
layout(binding = 1) readonly buffer UpWeights { uint up_weights[]; };
layout(binding = 2) readonly buffer X { vec4 x[]; };
layout(binding = 3) readonly buffer NormWeight { float norm_weight[]; };
layout(binding = 4) readonly buffer Bias { float bias[]; };
layout(binding = 5) buffer Y { float y[]; };

const bool NORM = (FLAGS & kMatvecNorm) != 0u, GATED = (FLAGS & kMatvecGated) != 0u;
const bool TAIL = (FLAGS & kMatvecTail) != 0u;
const uint K_LANES = WG / 8u;
// A unit's four pairs go in as many steps: all at once have the most loads in flight, but need registers that many
// sums, or a second matrix, leave no room for.
const uint SUMS = ROWS * COLS * (GATED ? 2u : 1u);
const uint STEPS = SUMS >= 8u ? 4u : GATED ? 2u : 1u, PAIRS = 4u / STEPS;

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

float sum[ROWS * COLS], up_sum[GATED ? ROWS * COLS : 1u], squares[COLS];

// Adds one unit of 32 values along K of every row and column of this lane.
void add_unit(uint unit, uint first_row, uint first_col) {
  UnitScale scale[ROWS], up_scale[GATED ? ROWS : 1u];
  uint base[ROWS], up_base[GATED ? ROWS : 1u];
  for (uint r = 0u; r < ROWS; ++r) {
    const uint row = min(first_row + 8u * r, (p.rows - 1u) | 7u);
    base[r] = unit_base(p.quant_offset, row, p.units, unit);
    scale[r] = UNIT_SCALE(weights, p.scale_offset, row, p.units, unit);
    if (GATED) {
      up_base[r] = unit_base(p.up_quant_offset, row, p.units, unit);
      up_scale[r] = UNIT_SCALE(up_weights, p.up_scale_offset, row, p.units, unit);
    }
  }
  [[dont_unroll]] for (uint step = 0u; step < STEPS; ++step)
  [[unroll]] for (uint j = step * PAIRS; j < (step + 1u) * PAIRS; ++j) {
    UnitPair w[ROWS], up[GATED ? ROWS : 1u];
    for (uint r = 0u; r < ROWS; ++r) {
      w[r] = UNIT_PAIR(weights, base[r], j, scale[r]);
      if (GATED) up[r] = UNIT_PAIR(up_weights, up_base[r], j, up_scale[r]);
    }
    const uint k = unit * 32u + 4u * j;
    for (uint c = 0u; c < COLS; ++c) {
      const uint at = (min(first_col + c, p.n - 1u) * p.x_stride + k) / 4u;
      vec4 lo = within(x[at], k);
      vec4 hi = TAIL && k + 16u >= p.cols ? vec4(0.0) : within(x[at + 4u], k + 16u);
      if (NORM) {
        squares[c] += dot(lo, lo) + dot(hi, hi);
        lo *= norm_at(k);
        hi *= norm_at(k + 16u);
      }
      for (uint r = 0u; r < ROWS; ++r) {
        sum[r * COLS + c] += dot(w[r].lo, lo) + dot(w[r].hi, hi);
        if (GATED) up_sum[r * COLS + c] += dot(up[r].lo, lo) + dot(up[r].hi, hi);
      }
    }
  }
}

float over_lanes(float value) { return K_LANES > 1u ? reduce_add_strided(value, 8u) : value; }

void store_column(uint c, uint k_lane, uint first_row, uint col) {
  const float factor = NORM ? inversesqrt(over_lanes(squares[c]) / float(p.cols) + p.eps) : 1.0;
  for (uint r = 0u; r < ROWS; ++r) {
    const uint row = first_row + 8u * r;
    float value = over_lanes(sum[r * COLS + c]) * factor;
    if ((FLAGS & kMatvecBias) != 0u) value += bias[p.bias_offset + min(row, p.rows - 1u)];
    if (GATED) {
      const float up_value = over_lanes(up_sum[r * COLS + c]) * factor;
      value = ((FLAGS & kMatvecGelu) != 0u ? gelu(value) : silu(value)) * up_value;
    }
    if (k_lane == 0u && row < p.rows && col < p.n) {
      const uint to = col * p.y_stride + p.y_offset + row;
      y[to] = (FLAGS & kMatvecAccumulate) != 0u ? y[to] + value : value;
    }
  }
}

void main() {
  const uint lane = gl_LocalInvocationID.x;
  const uint k_lane = WG == 8u ? 0u : lane / 8u;
  const uint first_row = gl_WorkGroupID.x * 8u * ROWS + lane % 8u;
  const uint first_col = gl_WorkGroupID.y * COLS;
  for (uint i = 0u; i < ROWS * COLS; ++i) sum[i] = 0.0;
  if (GATED) for (uint i = 0u; i < ROWS * COLS; ++i) up_sum[i] = 0.0;
  for (uint c = 0u; c < COLS; ++c) squares[c] = 0.0;
  for (uint unit = k_lane; unit < p.units; unit += K_LANES) add_unit(unit, first_row, first_col);
  for (uint c = 0u; c < COLS; ++c) store_column(c, k_lane, first_row, first_col + c);
}
