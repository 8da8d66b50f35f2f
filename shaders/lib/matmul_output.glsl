// What the forms of matmul share: constants, buffers, and the way of a result to y. Each form declares its x at binding
// 1.
#include "shared/matmul.h"

#ifdef FIXED_WORKGROUP
layout(local_size_x = FIXED_WORKGROUP) in;
const uint WG = FIXED_WORKGROUP;
#else
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 128u;
#endif
layout(constant_id = 1) const uint TILE_ROWS = 64u;
layout(constant_id = 2) const uint TILE_COLS = 64u;
layout(constant_id = 3) const uint FLAGS = 0u;
layout(constant_id = 4) const uint PART_ROWS = 8u;
layout(constant_id = 5) const uint PART_COLS = 4u;
const bool SPLIT = (FLAGS & kMatmulSplit) != 0u;

layout(push_constant) uniform Push { MatmulPush p; };
layout(binding = 0) readonly buffer Weights { uint weights[]; };
layout(binding = 0) readonly buffer WeightQuads { uvec4 weight_quads[]; };
layout(binding = 2) readonly buffer Bias { float bias[]; };
layout(binding = 3) buffer Y { float y[]; };
layout(binding = 4) coherent buffer Partials { float partials[]; };  // (tile, split, column, row)
layout(binding = 5) coherent buffer Counters { uint counters[]; };   // (tile), all 0 between dispatches

shared uvec4 arrivals;  // x; a whole vector, so that the tiles beside it are aligned to 16 bytes

#ifndef FIRST_TILE
#define FIRST_TILE 0u
#endif
uint first_row() { return (FIRST_TILE + gl_WorkGroupID.y) * TILE_ROWS; }
uint first_col() { return gl_WorkGroupID.x * TILE_COLS; }
uint first_unit() { return gl_WorkGroupID.z * p.split_units; }
uint last_unit() { return min(p.units, first_unit() + p.split_units); }
// The row of weights to read for a row of the tile: rows are stored in groups of 8, and none is read beyond them.
uint weight_row(uint r) { return min(first_row() + r, (p.rows - 1u) | 7u); }

uint tile_index() { return gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x; }
uint partial_index(uint split, uint r, uint c) {
  return ((tile_index() * p.splits + split) * TILE_COLS + c) * TILE_ROWS + r;
}

void finish(uint r, uint c, float value) {
  const uint row = first_row() + r, col = first_col() + c;
  if (row >= p.rows || col >= p.n) return;
  const uint to = col * p.y_stride + p.y_offset + row;
  value *= p.factor;
  if ((FLAGS & kMatmulBias) != 0u) value += bias[p.bias_offset + row];
  y[to] = (FLAGS & kMatmulAccumulate) != 0u ? y[to] + value : value;
}

// The result at (r, c) of the tile; each is emitted once, then all lanes call merge_splits.
void emit(uint r, uint c, float value) {
  if (SPLIT)
    partials[partial_index(gl_WorkGroupID.z, r, c)] = value;
  else
    finish(r, c, value);
}

void merge_splits() {
  if (!SPLIT) return;
  const uint lane = gl_LocalInvocationIndex;
  memoryBarrierBuffer();
  barrier();
  if (lane == 0u) arrivals.x = atomicAdd(counters[tile_index()], 1u);
  barrier();
  if (arrivals.x != p.splits - 1u) return;
  memoryBarrierBuffer();
  for (uint i = lane; i < TILE_ROWS * TILE_COLS; i += WG) {
    const uint r = i % TILE_ROWS, c = i / TILE_ROWS;
    float sum = 0.0;
    for (uint split = 0u; split < p.splits; ++split) sum += partials[partial_index(split, r, c)];
    finish(r, c, sum);
  }
  if (lane == 0u) counters[tile_index()] = 0u;
}
