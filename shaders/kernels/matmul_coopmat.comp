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
layout(constant_id = 11) const uint KEEP = 0u;
const bool KEEP_ROWS = KEEP != 0u;  // where a lane loads from stays in registers
const uint TILE_LINES = TILE_ROWS + TILE_COLS;
#include "lib/coopmat_tile.glsl"

layout(binding = 1) readonly buffer X { uvec4 x[]; };               // (n, units of 4)
layout(binding = 6) readonly buffer XScales { float x_scales[]; };  // (n): what a row of x was divided by

// gl_SubgroupSize as a constant: NVK unrolls no loop around one whose end it learns late, and sums would be in memory.
const uint SUBGROUP = WG / SUBGROUPS;
const uint M_PARTS = PART_ROWS / M, N_PARTS = PART_COLS / N;
const uint X_TILE = TILE_ROWS * TILE_STRIDE;
const uint X_TASKS = TILE_COLS * 4u, X_EACH = (X_TASKS + WG - 1u) / WG;

#ifdef HALF_SUMS
// Of kMatmulFoldedUnits units, which are then added to the totals.
#define Sum coopmat<float16_t, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>
#else
#define Sum coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>
#endif
#define Total coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>
Sum sum[M_PARTS * N_PARTS];
Total total[M_PARTS * N_PARTS];  // with HALF_SUMS; else the sums are
uvec4 x_loaded[X_EACH];
uint x_kept[X_EACH];

bool x_mine(uint i) { return X_TASKS % WG == 0u || gl_LocalInvocationIndex + i * WG < X_TASKS; }
uint x_row(uint i) { return gl_LocalInvocationIndex / 4u + i * WG / 4u; }
uint x_part() { return gl_LocalInvocationIndex % 4u; }
uint x_from(uint i) { return min(first_col() + x_row(i), p.n - 1u) * p.units * 4u + x_part(); }

void load_x(uint unit) {
  [[unroll]] for (uint i = 0u; i < X_EACH; ++i)
    if (x_mine(i)) x_loaded[i] = x[(KEEP_ROWS ? x_kept[i] : x_from(i)) + unit * 4u];
}

void load(uint unit) {
  load_weights(unit);
  load_x(unit);
}

void keep_rows() {
  [[unroll]] for (uint i = 0u; i < X_EACH; ++i) x_kept[i] = x_from(i);
  [[unroll]] for (uint i = 0u; i < W_EACH; ++i) w_kept[i] = weight_row(w_row(i));
}

void stage_x() {
  [[unroll]] for (uint i = 0u; i < X_EACH; ++i)
    if (x_mine(i)) tile[X_TILE + x_row(0u) * TILE_STRIDE + x_part() + i * (WG / 4u * TILE_STRIDE)] = x_loaded[i];
}

// By multiplications with 0, each added to the one before, whose results NVK keeps in the groups of registers that a
// multiplication takes. Constants it copies into such groups and back in each step: 281 instructions instead of 40 on
// Ada.
void clear_sums() {
  const coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a =
      coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA>(0.0);
  const coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b =
      coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB>(0.0);
  sum[0] = Sum(0.0);
  [[unroll]] for (uint i = 1u; i < M_PARTS * N_PARTS; ++i) sum[i] = coopMatMulAdd(a, b, sum[i - 1u]);
  sum[0] = coopMatMulAdd(a, b, sum[M_PARTS * N_PARTS - 1u]);
}

// Unrolled, Mesa's compilers hold a second set of sums: on Arc B580 a part of 32 x 32 spills 95 registers instead of
// none, on Navi 31 one of 32 x 64 has 192 instead of 144.
void multiply(uint r0, uint c0) {
  [[dont_unroll]] for (uint k = 0u; k < 32u; k += K) {
    // The remainder tells Mesa that no sum wraps around, so that Xe2 adds constants to addresses while it loads: 39
    // instructions instead of 62.
    const uint at = k % 32u / 8u, a_at = r0 * TILE_STRIDE + at, b_at = X_TILE + c0 * TILE_STRIDE + at;
    coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a[M_PARTS];
    [[unroll]] for (uint i = 0u; i < M_PARTS; ++i)
      coopMatLoad(a[i], tile, a_at + M * i * TILE_STRIDE, TILE_STRIDE, gl_CooperativeMatrixLayoutRowMajor);
    [[unroll]] for (uint j = 0u; j < N_PARTS; ++j) {
      coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b;
      coopMatLoad(b, tile, b_at + N * j * TILE_STRIDE, TILE_STRIDE, gl_CooperativeMatrixLayoutColumnMajor);
      [[unroll]] for (uint i = 0u; i < M_PARTS; ++i)
        sum[i * N_PARTS + j] = coopMatMulAdd(a[i], b, sum[i * N_PARTS + j]);
    }
  }
}

void fold_sums() {
#ifdef HALF_SUMS
  [[unroll]] for (uint i = 0u; i < M_PARTS * N_PARTS; ++i) {
    total[i] += Total(sum[i]);
    sum[i] = Sum(0.0);
  }
#endif
}

// Through the tile, of which each subgroup has a part of its own now; a lane takes four rows of a column.
void store(uint r0, uint c0) {
  const uint at = gl_SubgroupID * M * N / 4u;
  barrier();
  [[unroll]] for (uint j = 0u; j < N_PARTS; ++j)
    [[unroll]] for (uint i = 0u; i < M_PARTS; ++i) {
#ifdef HALF_SUMS
      const Total result = total[i * N_PARTS + j];
#else
      const Total result = sum[i * N_PARTS + j];
#endif
      coopMatStore(result, tile, at, M / 4u, gl_CooperativeMatrixLayoutColumnMajor);
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
  if (KEEP_ROWS) keep_rows();
  clear_sums();
#ifdef HALF_SUMS
  [[unroll]] for (uint i = 0u; i < M_PARTS * N_PARTS; ++i) total[i] = Total(0.0);
#endif
  if (AHEAD != 0u) load(first_unit());
  for (uint unit = first_unit(); unit < last_unit(); ++unit) {
    if (AHEAD == 0u) load_weights(unit);
    barrier();
    stage_weights(unit);
    if (AHEAD == 0u) load_x(unit);  // late, and so in the registers of the weights
    stage_x();
    barrier();
    if (AHEAD != 0u) load(min(unit + 1u, p.units - 1u));
    multiply(r0, c0);
    if ((unit - first_unit()) % kMatmulFoldedUnits == kMatmulFoldedUnits - 1u) fold_sums();
  }
  fold_sums();
  store(r0, c0);
  merge_splits();
}
