#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_integer_dot_product : require
#include "lib/matmul_output.glsl"
#include "lib/dequant.glsl"
#include "lib/unit_bytes.glsl"

// Two units of 32 values along K are staged at a time. A unit of a row is three ivec4 of shared memory, so that lanes
// with 8 neighbouring rows read from all 32 banks: two of packed bytes, and the bits of its scales. A lane holds
// PART_ROWS x PART_COLS results, of rows and columns that lie ROW_LANES and COL_LANES apart.
layout(binding = 1) readonly buffer X { ivec4 x[]; };          // (n, units, 2)
layout(binding = 6) readonly buffer XScales { vec2 x_scales[]; };  // (n, units): d, d * sum

const uint ROW_LANES = TILE_ROWS / PART_ROWS, COL_LANES = TILE_COLS / PART_COLS;
const uint STAGED = 2u;

shared ivec4 w_tile[STAGED * TILE_ROWS * 3u];
shared ivec4 x_tile[STAGED * TILE_COLS * 3u];

void stage_weights(uint unit, uint r, uint to) {
  const uint row = weight_row(r);
  const UnitScale s = UNIT_SCALE(weights, p.scale_offset, row, p.units, unit);
  const uvec2 base = unit_base(p.quant_offset, row, p.units, unit);
  const UnitBytes bytes = UNIT_BYTES(weights, weight_quads, base);
  w_tile[to] = ivec4(bytes.lo);
  w_tile[to + 1u] = ivec4(bytes.hi);
  w_tile[to + 2u] = floatBitsToInt(unit_scales(s));
}

void stage(uint unit) {
  const uint lane = gl_LocalInvocationID.x;
  for (uint task = lane; task < STAGED * TILE_ROWS; task += WG)
    stage_weights(min(unit + task / TILE_ROWS, p.units - 1u), task % TILE_ROWS, task * 3u);
  for (uint task = lane; task < STAGED * TILE_COLS; task += WG) {
    const uint col = min(first_col() + task % TILE_COLS, p.n - 1u);
    const uint from = col * p.units + min(unit + task / TILE_COLS, p.units - 1u);
    // A unit beyond the last of this split counts for nothing.
    const vec2 scale = unit + task / TILE_COLS < last_unit() ? x_scales[from] : vec2(0.0);
    x_tile[task * 3u] = x[2u * from];
    x_tile[task * 3u + 1u] = x[2u * from + 1u];
    x_tile[task * 3u + 2u] = floatBitsToInt(vec4(scale, 0.0, 0.0));
  }
}

float sum[PART_ROWS * PART_COLS];

void add_unit(uint staged, uint r0, uint c0) {
  ivec4 v0[PART_COLS], v1[PART_COLS];
  vec2 v_scale[PART_COLS];
  for (uint c = 0u; c < PART_COLS; ++c) {
    const uint at = (staged * TILE_COLS + c0 + COL_LANES * c) * 3u;
    v0[c] = x_tile[at];
    v1[c] = x_tile[at + 1u];
    v_scale[c] = intBitsToFloat(x_tile[at + 2u].xy);
  }
  for (uint r = 0u; r < PART_ROWS; ++r) {
    const uint at = (staged * TILE_ROWS + r0 + ROW_LANES * r) * 3u;
    const ivec4 w0 = w_tile[at], w1 = w_tile[at + 1u];
    const vec4 scale = intBitsToFloat(w_tile[at + 2u]);
    for (uint c = 0u; c < PART_COLS; ++c)
      sum[r * PART_COLS + c] += unit_dot(w0, w1, scale, v0[c], v1[c], v_scale[c]);
  }
}

void main() {
  const uint lane = gl_LocalInvocationID.x;
  const uint r0 = lane % ROW_LANES, c0 = lane / ROW_LANES;
  for (uint i = 0u; i < PART_ROWS * PART_COLS; ++i) sum[i] = 0.0;
  for (uint unit = first_unit(); unit < last_unit(); unit += STAGED) {
    barrier();
    stage(unit);
    barrier();
    for (uint staged = 0u; staged < STAGED; ++staged) add_unit(staged, r0, c0);
  }
  for (uint c = 0u; c < PART_COLS; ++c)
    for (uint r = 0u; r < PART_ROWS; ++r) emit(r0 + ROW_LANES * r, c0 + COL_LANES * c, sum[r * PART_COLS + c]);
  merge_splits();
}
