#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_EXT_shader_16bit_storage : require
#include "lib/matmul_output.glsl"
#include "lib/dequant.glsl"

// A unit of 32 values along K is staged at a time, weights decoded to f16. Each subgroup multiplies PART_ROWS rows of
// the tile with PART_COLS columns, as matrices of M x K times K x N; results leave through shared memory, where their
// places are known.
layout(constant_id = 6) const uint M = 16u;
layout(constant_id = 7) const uint N = 16u;
layout(constant_id = 8) const uint K = 16u;
layout(constant_id = 9) const uint BUFFERS = 1u;
layout(constant_id = 10) const uint SUBGROUPS = 4u;
#include "lib/coopmat_tile.glsl"

layout(binding = 1) readonly buffer X { f16vec4 x[]; };         // (n, units of 8)
layout(binding = 6) readonly buffer XScales { float x_scales[]; };  // (n): what a row of x was divided by

// gl_SubgroupSize as a constant: NVK unrolls no loop around one whose end it learns late, and sums would be in memory.
const uint SUBGROUP = WG / SUBGROUPS;
const uint M_PARTS = PART_ROWS / M, N_PARTS = PART_COLS / N;
const uint X_TILE = TILE_COLS * TILE_STRIDE;

shared f16vec4 x_tile[BUFFERS * X_TILE];
shared float out_tile[SUBGROUPS * M * N];

coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sum[M_PARTS * N_PARTS];

void stage_inputs(uint unit, uint part) {
  for (uint task = gl_LocalInvocationID.x; task < TILE_COLS * 8u; task += WG) {
    const uint c = task / 8u, quad = task % 8u;
    x_tile[part * X_TILE + c * TILE_STRIDE + quad] = x[(min(first_col() + c, p.n - 1u) * p.units + unit) * 8u + quad];
  }
}

void multiply(uint part, uint r0, uint c0) {
  for (uint k = 0u; k < 32u; k += K) {
    coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a[M_PARTS];
    for (uint i = 0u; i < M_PARTS; ++i)
      coopMatLoad(a[i], w_tile, part * W_TILE + (r0 + M * i) * TILE_STRIDE + k / 4u, TILE_STRIDE,
                  gl_CooperativeMatrixLayoutRowMajor);
    for (uint j = 0u; j < N_PARTS; ++j) {
      coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b;
      coopMatLoad(b, x_tile, part * X_TILE + (c0 + N * j) * TILE_STRIDE + k / 4u, TILE_STRIDE,
                  gl_CooperativeMatrixLayoutColumnMajor);
      for (uint i = 0u; i < M_PARTS; ++i) sum[i * N_PARTS + j] = coopMatMulAdd(a[i], b, sum[i * N_PARTS + j]);
    }
  }
}

void store(uint r0, uint c0) {
  const uint at = gl_SubgroupID * M * N;
  for (uint j = 0u; j < N_PARTS; ++j)
    for (uint i = 0u; i < M_PARTS; ++i) {
      coopMatStore(sum[i * N_PARTS + j], out_tile, at, M, gl_CooperativeMatrixLayoutColumnMajor);
      subgroupMemoryBarrierShared();
      subgroupBarrier();
      for (uint first = 0u; first < M * N; first += SUBGROUP) {
        const uint e = first + gl_SubgroupInvocationID;
        const uint r = r0 + M * i + e % M, c = c0 + N * j + e / M;
        if (e < M * N) emit(r, c, out_tile[at + e] * x_scales[min(first_col() + c, p.n - 1u)]);
      }
      subgroupMemoryBarrierShared();
      subgroupBarrier();
    }
}

void main() {
  const uint across = TILE_COLS / PART_COLS;
  const uint r0 = gl_SubgroupID / across * PART_ROWS, c0 = gl_SubgroupID % across * PART_COLS;
  for (uint i = 0u; i < M_PARTS * N_PARTS; ++i)
    sum[i] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0);
  // With two buffers the multiplication is one step behind the staging, and one barrier a step serves both.
  const uint units = last_unit() - first_unit(), behind = BUFFERS - 1u;
  for (uint step = 0u; step < units + behind; ++step) {
    barrier();
    if (step < units) {
      stage_weights(first_unit() + step, step % BUFFERS);
      stage_inputs(first_unit() + step, step % BUFFERS);
    }
    if (BUFFERS == 1u) barrier();
    if (step >= behind) multiply((step - behind) % BUFFERS, r0, c0);
  }
  store(r0, c0);
  merge_splits();
}
