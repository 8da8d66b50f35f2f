#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_integer_dot_product : require
#include "lib/reduce.glsl"
#include "lib/reduce_strided.glsl"
#include "lib/dequant.glsl"
#include "lib/unit_bytes.glsl"
#include "shared/matmul.h"

// For few columns: lanes form 8 rows (the interleave) times WG / 8 strides along K, and a lane computes TILE_ROWS / 8
// rows for all columns.
layout(constant_id = 1) const uint TILE_ROWS = 8u;
layout(constant_id = 2) const uint TILE_COLS = 1u;
layout(constant_id = 3) const uint FLAGS = 0u;

layout(push_constant) uniform Push { MatmulPush p; };
layout(binding = 0) readonly buffer Weights { uint weights[]; };
layout(binding = 0) readonly buffer WeightQuads { uvec4 weight_quads[]; };
layout(binding = 1) readonly buffer X { ivec4 x[]; };  // (n, units, 2)
layout(binding = 2) readonly buffer Bias { float bias[]; };
layout(binding = 3) buffer Y { float y[]; };
layout(binding = 4) readonly buffer XScales { vec2 x_scales[]; };  // (n, units): d, d * sum

const uint ROWS = TILE_ROWS / 8u, K_LANES = WG / 8u;

float sum[ROWS * TILE_COLS];

void add_unit(uint unit, uint first_row, uint first_col) {
  UnitBytes bytes[ROWS];
  vec4 scales[ROWS];
  for (uint r = 0u; r < ROWS; ++r) {
    const uint row = min(first_row + 8u * r, (p.rows - 1u) | 7u);
    const uvec2 base = unit_base(p.quant_offset, row, p.units, unit);
    bytes[r] = UNIT_BYTES(weights, weight_quads, base);
    scales[r] = unit_scales(UNIT_SCALE(weights, p.scale_offset, row, p.units, unit));
  }
  for (uint c = 0u; c < TILE_COLS; ++c) {
    const uint from = min(first_col + c, p.n - 1u) * p.units + unit;
    const ivec4 lo = x[2u * from], hi = x[2u * from + 1u];
    const vec2 x_scale = x_scales[from];
    for (uint r = 0u; r < ROWS; ++r)
      sum[r * TILE_COLS + c] += unit_dot(ivec4(bytes[r].lo), ivec4(bytes[r].hi), scales[r], lo, hi, x_scale);
  }
}

void main() {
  const uint lane = gl_LocalInvocationID.x, k_lane = lane / 8u;
  const uint first_row = gl_WorkGroupID.x * TILE_ROWS + lane % 8u, first_col = gl_WorkGroupID.y * TILE_COLS;
  for (uint i = 0u; i < ROWS * TILE_COLS; ++i) sum[i] = 0.0;
  for (uint unit = k_lane; unit < p.units; unit += K_LANES) add_unit(unit, first_row, first_col);
  for (uint c = 0u; c < TILE_COLS; ++c)
    for (uint r = 0u; r < ROWS; ++r) {
      const uint row = first_row + 8u * r, col = first_col + c;
      float value = reduce_add_strided(sum[r * TILE_COLS + c], 8u);
      if (k_lane == 0u && row < p.rows && col < p.n) {
        value *= p.factor;
        if ((FLAGS & kMatmulBias) != 0u) value += bias[p.bias_offset + row];
        const uint to = col * p.y_stride + p.y_offset + row;
        y[to] = (FLAGS & kMatmulAccumulate) != 0u ? y[to] + value : value;
      }
    }
}
