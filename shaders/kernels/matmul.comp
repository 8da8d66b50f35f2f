#version 450
#extension GL_GOOGLE_include_directive : require
#include "lib/matmul_output.glsl"
#include "lib/dequant.glsl"

// Along K the workgroup walks in units of 32, whose weights and inputs it stages in shared memory as vec4 along K: 8 of
// a row and one of padding, so that lanes with 8 neighbouring rows read from all 32 banks. A lane holds PART_ROWS x
// PART_COLS results, of rows and columns that lie ROW_LANES and COL_LANES apart.
layout(binding = 1) readonly buffer X { vec4 x[]; };

const uint ROW_LANES = TILE_ROWS / PART_ROWS, COL_LANES = TILE_COLS / PART_COLS;
const uint STRIDE = 9u;

shared vec4 w_tile[TILE_ROWS * STRIDE];
shared vec4 x_tile[TILE_COLS * STRIDE];

void stage_weights(uint unit, uint lane) {
  for (uint task = lane; task < TILE_ROWS * 4u; task += WG) {
    const uint r = task / 32u * 8u + task % 8u, j = task / 8u % 4u;
    const uint row = weight_row(r);
    const UnitScale scale = UNIT_SCALE(weights, p.scale_offset, row, p.units, unit);
    const uvec2 base = unit_base(p.quant_offset, row, p.units, unit);
    const UnitPair w = UNIT_PAIR(weights, base, j, scale);
    w_tile[r * STRIDE + j] = w.lo;
    w_tile[r * STRIDE + 4u + j] = w.hi;
  }
}

void stage_inputs(uint unit, uint lane) {
  for (uint task = lane; task < TILE_COLS * 8u; task += WG) {
    const uint c = task / 8u, quad = task % 8u;
    const uint k = unit * 32u + 4u * quad;
    vec4 values = vec4(0.0);
    if ((FLAGS & kMatmulTail) == 0u || k < p.cols) {
      values = x[(min(first_col() + c, p.n - 1u) * p.x_stride + k) / 4u];
      if ((FLAGS & kMatmulTail) != 0u)
        values = vec4(values.x, k + 1u < p.cols ? values.y : 0.0, k + 2u < p.cols ? values.z : 0.0,
                      k + 3u < p.cols ? values.w : 0.0);
    }
    x_tile[c * STRIDE + quad] = values;
  }
}

float sum[PART_ROWS * PART_COLS];

void add_tiles(uint r0, uint c0) {
  for (uint k = 0u; k < 8u; ++k) {
    vec4 v[PART_COLS];
    for (uint c = 0u; c < PART_COLS; ++c) v[c] = x_tile[(c0 + COL_LANES * c) * STRIDE + k];
    for (uint r = 0u; r < PART_ROWS; ++r) {
      const vec4 w = w_tile[(r0 + ROW_LANES * r) * STRIDE + k];
      for (uint c = 0u; c < PART_COLS; ++c) sum[r * PART_COLS + c] += dot(w, v[c]);
    }
  }
}

void main() {
  const uint lane = gl_LocalInvocationID.x;
  const uint r0 = lane % ROW_LANES, c0 = lane / ROW_LANES;
  for (uint i = 0u; i < PART_ROWS * PART_COLS; ++i) sum[i] = 0.0;
  for (uint unit = first_unit(); unit < last_unit(); ++unit) {
    barrier();
    stage_weights(unit, lane);
    stage_inputs(unit, lane);
    barrier();
    add_tiles(r0, c0);
  }
  for (uint c = 0u; c < PART_COLS; ++c)
    for (uint r = 0u; r < PART_ROWS; ++r) emit(r0 + ROW_LANES * r, c0 + COL_LANES * c, sum[r * PART_COLS + c]);
  merge_splits();
}
