#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/expert_tiles.h"
#include "shared/route.h"

// One workgroup.
layout(local_size_x = kExpertTilesWorkgroup) in;
layout(push_constant) uniform Push { ExpertTilesPush p; };
layout(binding = 0) readonly buffer Choices { uvec2 choices[]; };
layout(binding = 1) buffer Tiles { uint tiles[]; };

shared uint counts[kRouteMostExperts], first_tile[kRouteMostExperts + 1u];

uint expert_of(uint row) { return min(choices[row].x, p.experts - 1u); }
uint tiles_for(uint rows) { return (rows + p.size - 1u) / p.size; }

void main() {
  const uint lane = gl_LocalInvocationID.x;
  for (uint e = lane; e < p.experts; e += kExpertTilesWorkgroup) counts[e] = 0u;
  barrier();
  for (uint row = lane; row < p.rows; row += kExpertTilesWorkgroup) atomicAdd(counts[expert_of(row)], 1u);
  barrier();
  if (lane == 0u) {
    first_tile[0] = 0u;
    for (uint e = 0u; e < p.experts; ++e) first_tile[e + 1u] = first_tile[e] + tiles_for(counts[e]);
  }
  barrier();
  for (uint e = lane; e < p.experts; e += kExpertTilesWorkgroup) {
    for (uint tile = first_tile[e]; tile < first_tile[e + 1u]; ++tile) tiles[tile * (1u + p.size)] = e;
    for (uint i = counts[e]; i < tiles_for(counts[e]) * p.size; ++i)
      tiles[(first_tile[e] + i / p.size) * (1u + p.size) + 1u + i % p.size] = kNoRow;
    counts[e] = 0u;
  }
  for (uint tile = first_tile[p.experts] + lane; tile < p.tiles; tile += kExpertTilesWorkgroup)
    tiles[tile * (1u + p.size)] = kNoRow;
  barrier();
  for (uint row = lane; row < p.rows; row += kExpertTilesWorkgroup) {
    const uint e = expert_of(row), i = atomicAdd(counts[e], 1u);
    tiles[(first_tile[e] + i / p.size) * (1u + p.size) + 1u + i % p.size] = row;
  }
}
