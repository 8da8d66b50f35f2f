#version 450
#extension GL_GOOGLE_include_directive : require
#if defined(ROOF_F16)
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#elif defined(ROOF_INT8)
#extension GL_EXT_integer_dot_product : require
#endif
#include "shared/roof.h"

// Each lane runs independent chains whose factor and offset only the host knows, so nothing can be left out.
layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { RoofPush p; };
layout(binding = 0) readonly buffer Source { uint source[]; };
layout(binding = 1) writeonly buffer Target { uint target[]; };  // each lane's sum of chains: a float's bits, or an int

// A loop costs something itself, and on a software driver a lot: four links at a time.
#define REPEAT(LINK)                         \
  uint i = 0u;                               \
  for (; i + 4u <= p.iterations; i += 4u) {  \
    LINK LINK LINK LINK                      \
  }                                          \
  for (; i < p.iterations; ++i) {            \
    LINK                                     \
  }

uint start_of(uint chain) { return (gl_GlobalInvocationID.x + chain) % 8u; }

#if defined(ROOF_INT8)
void main() {
  const int factor = int(p.factor), offset = int(p.offset);
  int x[kRoofChains];
  for (uint c = 0u; c < kRoofChains; ++c) x[c] = int(start_of(c));
  REPEAT(for (uint c = 0u; c < kRoofChains; ++c) x[c] = dotPacked4x8EXT(x[c], factor) + offset;)
  int sum = 0;
  for (uint c = 0u; c < kRoofChains; ++c) sum += x[c];
  target[gl_GlobalInvocationID.x] = uint(sum);
}
#else
#if defined(ROOF_F16)
#define VECTOR f16vec4
#else
#define VECTOR vec4
#endif

void main() {
  const VECTOR factor = VECTOR(p.factor), offset = VECTOR(p.offset);
  VECTOR x[kRoofChains / 4u];
  for (uint c = 0u; c < kRoofChains / 4u; ++c)
    x[c] = VECTOR(uvec4(start_of(4u * c), start_of(4u * c + 1u), start_of(4u * c + 2u), start_of(4u * c + 3u)));
  REPEAT(for (uint c = 0u; c < kRoofChains / 4u; ++c) x[c] = fma(x[c], factor, offset);)
  vec4 sum = vec4(0.0);
  for (uint c = 0u; c < kRoofChains / 4u; ++c) sum += vec4(x[c]);
  target[gl_GlobalInvocationID.x] = floatBitsToUint(sum.x + sum.y + sum.z + sum.w);
}
#endif
