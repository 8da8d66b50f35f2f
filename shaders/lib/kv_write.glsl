// What the kv_write kernels share: buffers, and q and k rotated by position.
#include "shared/kv_write.h"
#include "shared/step_params.h"

layout(push_constant) uniform Push { KvWritePush p; };
layout(binding = 0) readonly buffer Qkv { float qkv[]; };
layout(binding = 1) readonly buffer Frequencies { uvec2 frequencies[]; };
layout(binding = 2) readonly buffer Rows { StepRow step_rows[]; };
layout(binding = 3) readonly buffer PageTable { uint page_table[]; };
layout(binding = 4) writeonly buffer Q { float q[]; };
layout(binding = 5) writeonly buffer KPool { uint k_pool[]; };
layout(binding = 6) writeonly buffer VPool { uint v_pool[]; };
#define ROPE_X qkv
#include "lib/rope_head.glsl"
