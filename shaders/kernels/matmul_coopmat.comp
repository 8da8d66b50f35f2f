#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_EXT_shader_16bit_storage : require
#include "lib/matmul_output.glsl"
#include "lib/dequant.glsl"
#include "lib/half_unit.glsl"

// A unit of 32 values along K is staged at a time, weights decoded to f16. Each subgroup multiplies PART_ROWS rows of
// the tile with PART_COLS columns, as matrices of M x K times K x N; results leave through shared memory, where their
// places are known.
layout(constant_id = 6) const uint M = 16u;
layout(constant_id = 7) const uint N = 16u;
layout(constant_id = 8) const uint K = 16u;
layout(constant_id = 9) const uint AHEAD = 1u;
layout(constant_id = 10) const uint SUBGROUPS = 4u;
const uint TILE_LINES = TILE_ROWS + TILE_COLS;
#include "lib/coopmat_tile.glsl"

layout(binding = 1) readonly buffer X { uvec4 x[]; };               // (n, units of 4)
layout(binding = 6) readonly buffer XScales { float x_scales[]; };  // (n): what a row of x was divided by

// gl_SubgroupSize as a constant: NVK unrolls no loop around one whose end it learns late, and sums would be in memory.
const uint SUBGROUP = WG / SUBGROUPS;
const uint M_PARTS = PART_ROWS / M, N_PARTS = PART_COLS / N;
const uint X_TILE = TILE_ROWS * TILE_STRIDE;
const uint X_TASKS = TILE_COLS * 4u, X_EACH = (X_TASKS + WG - 1u) / WG;

coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sum[M_PARTS * N_PARTS];
uvec4 x_loaded[X_EACH];

uint x_task(uint i) { return gl_LocalInvocationID.x + i * WG; }
bool x_mine(uint i) { return X_TASKS % WG == 0u || x_task(i) < X_TASKS; }

void load(uint unit) {
  load_weights(unit);
  [[unroll]] for (uint i = 0u; i < X_EACH; ++i)
    if (x_mine(i))
      x_loaded[i] = x[(min(first_col() + x_task(i) / 4u, p.n - 1u) * p.units + unit) * 4u + x_task(i) % 4u];
}

void stage(uint unit) {
  stage_weights(unit);
  [[unroll]] for (uint i = 0u; i < X_EACH; ++i)
    if (x_mine(i)) tile[X_TILE + x_task(i) / 4u * TILE_STRIDE + x_task(i) % 4u] = x_loaded[i];
}

// Unrolled, Mesa's compilers hold a second set of sums: on Arc B580 a part of 32 x 32 spills 95 registers instead of
// none, on Navi 31 one of 32 x 64 has 192 instead of 144.
void multiply(uint r0, uint c0) {
  [[dont_unroll]] for (uint k = 0u; k < 32u; k += K) {
    const uint a_at = r0 * TILE_STRIDE + k / 8u, b_at = X_TILE + c0 * TILE_STRIDE + k / 8u;
    coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a[M_PARTS];
    [[unroll]] for (uint i = 0u; i < M_PARTS; ++i)
      coopMatLoad(a[i], tile, a_at + M * i * TILE_STRIDE, TILE_STRIDE, gl_CooperativeMatrixLayoutRowMajor);
    [[unroll]] for (uint j = 0u; j < N_PARTS; ++j) {
      coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b;
      coopMatLoad(b, tile, b_at + N * j * TILE_STRIDE, TILE_STRIDE, gl_CooperativeMatrixLayoutColumnMajor);
      [[unroll]] for (uint i = 0u; i < M_PARTS; ++i) sum[i * N_PARTS + j] = coopMatMulAdd(a[i], b, sum[i * N_PARTS + j]);
    }
  }
}

// Through the tile, of which each subgroup has a part of its own now; a lane takes four rows of a column.
void store(uint r0, uint c0) {
  const uint at = gl_SubgroupID * M * N / 4u;
  barrier();
  [[unroll]] for (uint j = 0u; j < N_PARTS; ++j)
    [[unroll]] for (uint i = 0u; i < M_PARTS; ++i) {
      coopMatStore(sum[i * N_PARTS + j], tile, at, M / 4u, gl_CooperativeMatrixLayoutColumnMajor);
      subgroupMemoryBarrierShared();
      subgroupBarrier();
      for (uint e = gl_SubgroupInvocationID; e < M * N / 4u; e += SUBGROUP) {
        const uint r = r0 + M * i + 4u * e % M, c = c0 + N * j + 4u * e / M;
        const vec4 values = uintBitsToFloat(tile[at + e]) * x_scales[min(first_col() + c, p.n - 1u)];
        [[unroll]] for (uint v = 0u; v < 4u; ++v) emit(r + v, c, values[v]);
      }
      subgroupMemoryBarrierShared();
      subgroupBarrier();
    }
}

void main() {
  const uint across = TILE_COLS / PART_COLS;
  const uint r0 = gl_SubgroupID / across * PART_ROWS, c0 = gl_SubgroupID % across * PART_COLS;
  [[unroll]] for (uint i = 0u; i < M_PARTS * N_PARTS; ++i)
    sum[i] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0);
  // Not AHEAD, this only takes out of the loop what its loads have in common: on NVK fewer copies of the sums as well,
  // 220 instead of 557 instructions a unit on Ada. Narrow subgroups have not got the registers.
  if (AHEAD != 0u || SUBGROUP >= 32u) load(first_unit());
  for (uint unit = first_unit(); unit < last_unit(); ++unit) {
    if (AHEAD == 0u) load(unit);
    barrier();
    stage(unit);
    barrier();
    if (AHEAD != 0u) load(min(unit + 1u, p.units - 1u));
    multiply(r0, c0);
  }
  store(r0, c0);
  merge_splits();
}
