#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "shared/roof.h"

// A workgroup is one subgroup. All elements of A are `factor`, all of B `offset`; the sum of the chains is stored.
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint M = 16u;
layout(constant_id = 2) const uint N = 16u;
layout(constant_id = 3) const uint K = 16u;
layout(push_constant) uniform Push { RoofPush p; };
layout(binding = 0) readonly buffer Source { uint source[]; };
layout(binding = 1) writeonly buffer Target { float target[]; };  // (groups, M, N)

#define MATRIX_A coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA>
#define MATRIX_B coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB>
#define MATRIX_C coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>

void main() {
  const MATRIX_A a = MATRIX_A(float16_t(p.factor));
  const MATRIX_B b = MATRIX_B(float16_t(p.offset));
  MATRIX_C sum[kRoofMatrixChains];
  for (uint c = 0u; c < kRoofMatrixChains; ++c) sum[c] = MATRIX_C(float(c));
  for (uint i = 0u; i < p.iterations; ++i)
    for (uint c = 0u; c < kRoofMatrixChains; ++c) sum[c] = coopMatMulAdd(a, b, sum[c]);
  for (uint c = 1u; c < kRoofMatrixChains; ++c) sum[0] += sum[c];
  coopMatStore(sum[0], target, gl_WorkGroupID.x * M * N, N, gl_CooperativeMatrixLayoutRowMajor);
}
