#version 450
#extension GL_GOOGLE_include_directive : require
#include "shared/embedding.h"
#include "shared/step_params.h"
#include "lib/dequant.glsl"

// One lane dequantises 8 values: pair j of one unit of one row of y.
layout(local_size_x = kEmbeddingWorkgroup) in;
layout(push_constant) uniform Push { EmbeddingPush p; };
layout(binding = 0) readonly buffer Table { uint words[]; };
layout(binding = 1) readonly buffer Rows { StepRow step_rows[]; };
layout(binding = 2) buffer Y { float y[]; };

void store(uint row, uint k, vec4 values) {
  for (uint i = 0u; i < 4u; ++i)
    if (k + i < p.cols) {
      const uint to = row * p.y_stride + k + i;
      y[to] = p.accumulate != 0u ? y[to] + values[i] * p.scale : values[i] * p.scale;
    }
}

void main() {
  const uint pair = gl_GlobalInvocationID.x, row = gl_GlobalInvocationID.y;
  const uint unit = pair / 4u, j = pair % 4u;
  if (unit >= p.units) return;
  const StepRow step_row = step_rows[row];
  const uint chosen = p.chosen_by == kEmbeddingByToken      ? step_row.token
                      : p.chosen_by == kEmbeddingByPosition ? step_row.position
                                                            : 0u;
  const uint table_row = chosen - p.first_row;  // wraps below the slab, and then is beyond it
  if (table_row >= p.rows) return;
  const UnitScale scale = UNIT_SCALE(words, p.scale_offset, table_row, p.units, unit);
  const uvec2 base = unit_base(p.quant_offset, table_row, p.units, unit);
  const UnitPair values = UNIT_PAIR(words, base, j, scale);
  store(row, unit * 32u + 4u * j, values.lo);
  store(row, unit * 32u + 16u + 4u * j, values.hi);
}
