#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/matmul.h"
#include "lib/dequant.glsl"

// A workgroup computes a 64 x 64 tile of y; along K it walks in units of 32, whose weights and inputs it stages in shared
// memory as floats. Lanes form 8 (rows) x 16 (columns); a lane holds 8 x 4 results.
layout(local_size_x = kMatmulWorkgroup) in;
layout(constant_id = 0) const uint FLAGS = 0u;
layout(push_constant) uniform Push { MatmulPush p; };
layout(binding = 0) readonly buffer Weights { uint weights[]; };
layout(binding = 1) readonly buffer X { vec4 x[]; };
layout(binding = 2) readonly buffer Bias { float bias[]; };
layout(binding = 3) buffer Y { float y[]; };

shared float w_tile[32 * 64];  // (k, row)
shared float x_tile[32 * 64];  // (k, column)

void stage_weights(uint first_row, uint unit, uint lane) {
  for (uint task = lane; task < 64u * 4u; task += kMatmulWorkgroup) {
    const uint r = task % 64u, j = task / 64u;
    const uint row = min(first_row + r, (p.rows - 1u) | 7u);
    const UnitScale scale = UNIT_SCALE(weights, p.scale_offset, row, p.units, unit);
    const uint base = unit_base(p.quant_offset, row, p.units, unit);
    const UnitPair w = UNIT_PAIR(weights, base, j, scale);
    for (uint i = 0u; i < 4u; ++i) {
      w_tile[(4u * j + i) * 64u + r] = w.lo[i];
      w_tile[(16u + 4u * j + i) * 64u + r] = w.hi[i];
    }
  }
}

void stage_inputs(uint first_col, uint unit, uint lane) {
  for (uint task = lane; task < 64u * 8u; task += kMatmulWorkgroup) {
    const uint c = task % 64u, quad = task / 64u;
    const uint k = unit * 32u + 4u * quad;
    vec4 values = vec4(0.0);
    if (first_col + c < p.n && k < p.cols) {
      values = x[((first_col + c) * p.x_stride + k) / 4u];
      for (uint i = 0u; i < 4u; ++i) if (k + i >= p.cols) values[i] = 0.0;
    }
    for (uint i = 0u; i < 4u; ++i) x_tile[(4u * quad + i) * 64u + c] = values[i];
  }
}

void main() {
  const uint lane = gl_LocalInvocationID.x;
  const uint r0 = lane % 8u, c0 = lane / 8u;
  const uint first_row = gl_WorkGroupID.x * kMatmulTile, first_col = gl_WorkGroupID.y * kMatmulTile;
  float sum[8][4];
  for (uint r = 0u; r < 8u; ++r) for (uint c = 0u; c < 4u; ++c) sum[r][c] = 0.0;

  for (uint unit = 0u; unit < p.units; ++unit) {
    barrier();
    stage_weights(first_row, unit, lane);
    stage_inputs(first_col, unit, lane);
    barrier();
    for (uint k = 0u; k < 32u; ++k) {
      float w[8], v[4];
      for (uint r = 0u; r < 8u; ++r) w[r] = w_tile[k * 64u + r0 + 8u * r];
      for (uint c = 0u; c < 4u; ++c) v[c] = x_tile[k * 64u + c0 + 16u * c];
      for (uint r = 0u; r < 8u; ++r) for (uint c = 0u; c < 4u; ++c) sum[r][c] += w[r] * v[c];
    }
  }

  for (uint r = 0u; r < 8u; ++r) {
    const uint row = first_row + r0 + 8u * r;
    if (row >= p.rows) continue;
    const float add = (FLAGS & kMatmulBias) != 0u ? bias[p.bias_offset + row] : 0.0;
    for (uint c = 0u; c < 4u; ++c) {
      const uint col = first_col + c0 + 16u * c;
      if (col >= p.n) continue;
      const uint to = col * p.y_stride + p.y_offset + row;
      const float value = sum[r][c] + add;
      y[to] = (FLAGS & kMatmulAccumulate) != 0u ? y[to] + value : value;
    }
  }
}
