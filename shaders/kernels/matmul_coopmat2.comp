#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_NV_cooperative_matrix2 : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_EXT_shader_16bit_storage : require
#include "shared/matmul.h"
// The SPIR-V version of this extension would express a chosen local size in a way that needs Vulkan's maintenance4.
#define FIXED_WORKGROUP kMatmulCoopmat2Workgroup
#include "lib/matmul_output.glsl"
#include "lib/dequant.glsl"
#include "lib/half_unit.glsl"
const uint TILE_LINES = TILE_ROWS;
const bool KEEP_ROWS = false;
#include "lib/coopmat_tile.glsl"

// As matmul_coopmat, but the whole workgroup multiplies one matrix, whose parts, loads of x and registers the driver
// lays out; a result's place is known without a way through shared memory.
layout(binding = 1) readonly buffer X { float16_t x[]; };           // (n, units of 32)
layout(binding = 6) readonly buffer XScales { float x_scales[]; };  // (n): what a row of x was divided by

float emit_element(const in uint r, const in uint c, const in float value) {
  emit(r, c, value * x_scales[min(first_col() + c, p.n - 1u)]);
  return value;
}

void main() {
  tensorLayoutNV<2, gl_CooperativeMatrixClampModeConstantNV> x_layout =
      createTensorLayoutNV(2, gl_CooperativeMatrixClampModeConstantNV);
  x_layout = setTensorLayoutDimensionNV(x_layout, p.n, p.units * 32u);
  const tensorViewNV<2, false, 1, 0> transposed = createTensorViewNV(2, false, 1, 0);
  coopmat<float, gl_ScopeWorkgroup, TILE_ROWS, TILE_COLS, gl_MatrixUseAccumulator> sum =
      coopmat<float, gl_ScopeWorkgroup, TILE_ROWS, TILE_COLS, gl_MatrixUseAccumulator>(0.0);
  for (uint unit = first_unit(); unit < last_unit(); ++unit) {
    load_weights(unit);
    barrier();
    stage_weights(unit);
    barrier();
    coopmat<float16_t, gl_ScopeWorkgroup, TILE_ROWS, 32, gl_MatrixUseA> a;
    coopmat<float16_t, gl_ScopeWorkgroup, 32, TILE_COLS, gl_MatrixUseB> b;
    coopMatLoad(a, tile, 0u, TILE_STRIDE, gl_CooperativeMatrixLayoutRowMajor);
    coopMatLoadTensorNV(b, x, 0u, sliceTensorLayoutNV(x_layout, first_col(), TILE_COLS, unit * 32u, 32u), transposed);
    sum = coopMatMulAdd(a, b, sum);
  }
  coopMatPerElementNV(sum, sum, emit_element);
  merge_splits();
}
