#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/roof.h"

// Reads or copies `count` vectors; neighbouring lanes take neighbouring vectors, or with ROOF_SHARED_LOADS neighbouring
// workgroups do and all their lanes the same.
layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { RoofPush p; };
layout(binding = 0) readonly buffer Source { uvec4 source[]; };
#ifdef ROOF_COPY
layout(binding = 1) writeonly buffer Target { uvec4 target[]; };
#else
layout(binding = 1) writeonly buffer Target { uint target[]; };  // a sum of each lane
#endif

void main() {
#ifdef ROOF_SHARED_LOADS
  const uint first = gl_WorkGroupID.x, readers = gl_NumWorkGroups.x;
#else
  const uint first = gl_GlobalInvocationID.x, readers = gl_NumWorkGroups.x * gl_WorkGroupSize.x;
#endif
#ifdef ROOF_COPY
  for (uint i = first; i < p.count; i += readers) target[i] = source[i];
#else
  // Four loads under way at a time.
  uvec4 sum[4];
  for (uint j = 0u; j < 4u; ++j) sum[j] = uvec4(0u);
  uint i = first;
  for (; i + 3u * readers < p.count; i += 4u * readers)
    for (uint j = 0u; j < 4u; ++j) sum[j] += source[i + j * readers];
  for (; i < p.count; i += readers) sum[0] += source[i];
  const uvec4 all = sum[0] + sum[1] + sum[2] + sum[3];
  target[gl_GlobalInvocationID.x] = all.x + all.y + all.z + all.w;
#endif
}
