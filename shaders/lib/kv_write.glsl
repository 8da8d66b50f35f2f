// What the kv_write kernels share: buffers, and q and k rotated by position.
#include "shared/kv_write.h"
#include "shared/step_params.h"

layout(push_constant) uniform Push { KvWritePush p; };
layout(binding = 0) readonly buffer Qkv { float qkv[]; };
layout(binding = 1) readonly buffer Frequencies { uvec2 frequencies[]; };
layout(binding = 2) readonly buffer Rows { StepRow step_rows[]; };
layout(binding = 3) readonly buffer PageTable { uint page_table[]; };
layout(binding = 4) buffer Q { float q[]; };
layout(binding = 5) writeonly buffer KPool { uint k_pool[]; };
layout(binding = 6) writeonly buffer VPool { uint v_pool[]; };
#define ROPE_X qkv
#include "lib/rope_head.glsl"

// Where a head (q, then k, then v heads) begins in the rows.
uint head_start(uint row, uint head) {
  const uint from = row * p.qkv_stride;
  if (head < p.heads) return from + p.q_first + head * p.q_head;
  if (head < p.heads + p.kv_heads) return from + p.k_column + (head - p.heads) * p.head_dim;
  return from + p.v_column + (head - p.heads - p.kv_heads) * p.head_dim;
}
// Dimension d of a query's head that begins at `from`, and goes to `to`.
float query_at(uint from, uint to, uint d, StepRow row) {
  const vec2 factors = rope_factors(d, row.position + row.turn, row.grid);
  return (d < p.q_dims ? rotated(from, d, factors) : q[to + d]) * query_factor(d, row.position);
}
float key_at(uint from, uint d, StepRow row) {
  return rotated(from, d, rope_factors(d, row.position + row.turn, row.grid));
}
