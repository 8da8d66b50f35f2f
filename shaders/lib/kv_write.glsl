// What the kv_write kernels share: buffers, and q and k rotated by position.
#include "shared/kv_write.h"
#include "shared/step_params.h"
#include "lib/rope.glsl"

layout(push_constant) uniform Push { KvWritePush p; };
layout(binding = 0) readonly buffer Qkv { float qkv[]; };
layout(binding = 1) readonly buffer Frequencies { uvec2 frequencies[]; };
layout(binding = 2) readonly buffer Rows { StepRow step_rows[]; };
layout(binding = 3) readonly buffer PageTable { uint page_table[]; };
layout(binding = 4) writeonly buffer Q { float q[]; };
layout(binding = 5) writeonly buffer KPool { uint k_pool[]; };
layout(binding = 6) writeonly buffer VPool { uint v_pool[]; };

// Dimension d of the head that begins at `from`, rotated.
float rotated(uint from, uint d, uint position) {
  const float own = qkv[from + d];
  if (d >= p.rotary) return own;
  if (p.half_pairs == 0u) {
    const vec2 cs = rope_cos_sin(frequencies[d / 2u], position);
    const float other = qkv[from + (d ^ 1u)];
    return (d & 1u) == 0u ? own * cs.x - other * cs.y : other * cs.y + own * cs.x;
  }
  const uint half_rotary = p.rotary / 2u;
  const bool lower = d < half_rotary;
  const vec2 cs = rope_cos_sin(frequencies[lower ? d : d - half_rotary], position);
  const float other = qkv[from + (lower ? d + half_rotary : d - half_rotary)];
  return lower ? own * cs.x - other * cs.y : other * cs.y + own * cs.x;
}
