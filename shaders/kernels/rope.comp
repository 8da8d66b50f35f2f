#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/rope.h"
#include "shared/step_params.h"
#include "lib/rope.glsl"

// One lane rotates one pair of one head of one row, or copies two dimensions beyond the rotary ones.
layout(local_size_x = kRopeWorkgroup) in;
layout(push_constant) uniform Push { RopePush p; };
layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer Frequencies { uvec2 frequencies[]; };
layout(binding = 2) readonly buffer Rows { StepRow step_rows[]; };
layout(binding = 3) writeonly buffer Y { float y[]; };

void main() {
  const uint pairs = p.head_dim / 2u;
  const uint head = gl_GlobalInvocationID.x / pairs, pair = gl_GlobalInvocationID.x % pairs, row = gl_GlobalInvocationID.y;
  if (head >= p.heads) return;
  const bool rotated = 2u * pair < p.rotary;
  const bool halves = p.half_pairs != 0u && rotated;
  const uint a = head * p.head_dim + (halves ? pair : 2u * pair);
  const uint b = halves ? a + p.rotary / 2u : a + 1u;
  const vec2 v = vec2(x[row * p.x_stride + a], x[row * p.x_stride + b]);
  const vec2 cs = rotated ? rope_cos_sin(frequencies[pair], step_rows[row].position) : vec2(1.0, 0.0);
  y[row * p.y_stride + a] = v.x * cs.x - v.y * cs.y;
  y[row * p.y_stride + b] = v.x * cs.y + v.y * cs.x;
}
