#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/roof.h"

// Reads or copies `count` vectors; neighbouring lanes take neighbouring vectors. With ROOF_LINES a workgroup reads a
// word of each cache line of a part of its own, all lanes the same word: for processors, whose memory moves lines, and
// for which loads and additions of all words take longer than the memory does.
layout(local_size_x_id = 0) in;
layout(push_constant) uniform Push { RoofPush p; };
#ifdef ROOF_LINES
layout(binding = 0) readonly buffer Source { uint source[]; };
#else
layout(binding = 0) readonly buffer Source { uvec4 source[]; };
#endif
#ifdef ROOF_COPY
layout(binding = 1) writeonly buffer Target { uvec4 target[]; };
#else
layout(binding = 1) writeonly buffer Target { uint target[]; };  // a sum of each lane
#endif

void main() {
#if defined(ROOF_LINES)
  const uint lines = (p.count + kRoofLineVectors - 1u) / kRoofLineVectors;
  const uint part = (lines + gl_NumWorkGroups.x - 1u) / gl_NumWorkGroups.x;
  const uint begin = min(gl_WorkGroupID.x * part, lines), end = min(begin + part, lines);
  uint sum = 0u, i = begin;
  for (; i + 8u <= end; i += 8u)
    for (uint j = 0u; j < 8u; ++j) sum += source[(i + j) * 4u * kRoofLineVectors];
  for (; i < end; ++i) sum += source[i * 4u * kRoofLineVectors];
  target[gl_GlobalInvocationID.x] = sum;
#elif defined(ROOF_COPY)
  const uint readers = gl_NumWorkGroups.x * gl_WorkGroupSize.x;
  for (uint i = gl_GlobalInvocationID.x; i < p.count; i += readers) target[i] = source[i];
#else
  // Four loads under way at a time.
  const uint readers = gl_NumWorkGroups.x * gl_WorkGroupSize.x;
  uvec4 sum[4];
  for (uint j = 0u; j < 4u; ++j) sum[j] = uvec4(0u);
  uint i = gl_GlobalInvocationID.x;
  for (; i + 3u * readers < p.count; i += 4u * readers)
    for (uint j = 0u; j < 4u; ++j) sum[j] += source[i + j * readers];
  for (; i < p.count; i += readers) sum[0] += source[i];
  const uvec4 all = sum[0] + sum[1] + sum[2] + sum[3];
  target[gl_GlobalInvocationID.x] = all.x + all.y + all.z + all.w;
#endif
}
