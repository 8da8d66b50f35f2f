#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/add.h"

layout(local_size_x = kAddWorkgroup) in;
layout(push_constant) uniform Push { AddPush p; };
layout(binding = 0) readonly buffer A { float a[]; };
layout(binding = 1) readonly buffer B { float b[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };

void main() {
  const uint col = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y;
  if (col < p.cols) y[row * p.y_stride + col] = a[row * p.a_stride + col] + b[row * p.b_stride + col];
}
