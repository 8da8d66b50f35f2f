// Splits of decode attention: where a workgroup leaves its part, and how the last one to finish merges them. The includer
// has included lib/attention.glsl and lib/reduce.glsl.
layout(binding = 6) coherent buffer Partials { float partials[]; };
layout(binding = 7) coherent buffer Counters { uint counters[]; };

shared uint arrivals;

const uint SPLIT_TOKENS = kAttentionDecodePages * kPageTokens;
const uint DIMS_PER_LANE = (HEAD_DIM + WG - 1u) / WG, SPLITS_AT_ONCE = 4u;
const uint PARTIAL = HEAD_DIM + kAttentionPartialExtra;

// Head `head` of the row and KV head of this workgroup.
uint partial_start(uint split, uint head) {
  const uint tile = gl_WorkGroupID.x * p.kv_heads + gl_WorkGroupID.y;
  return ((tile * p.max_splits + split) * GROUP + head) * PARTIAL;
}
uint head_start(uint head, uint stride) {
  return gl_WorkGroupID.x * stride + (gl_WorkGroupID.y * GROUP + head) * HEAD_DIM;
}

void store_partial_sums(uint split, uint head, float highest, float total) {
  const uint to = partial_start(split, head) + HEAD_DIM;
  partials[to] = highest;
  partials[to + 1u] = total;
}

#if KV_TYPE == 2
shared float rotated_back[HEAD_DIM];
#define HADAMARD_VALUE float
#define HADAMARD_AT(i) rotated_back[i]
#define HADAMARD_SYNC sync
#include "lib/hadamard.glsl"

// Writes a head of y, its values in rotated_back.
void store_rotated_back(uint to, uint lane) {
  sync();
  hadamard(HEAD_DIM, V_ROTATION, lane, WG);
  const float factor = V_ROTATION == 1u ? 1.0 : inversesqrt(float(V_ROTATION));
  for (uint d = lane; d < HEAD_DIM; d += WG) y[to + d] = rotated_back[d] * factor;
  sync();
}
#endif

// The splits' sums in their order, several splits' loads in flight.
void merge_head(uint splits, uint head, uint lane) {
  float top = LOWEST, sum = 0.0, values[DIMS_PER_LANE];
  for (uint s = lane; s < splits; s += WG) top = max(top, partials[partial_start(s, head) + HEAD_DIM]);
  top = reduce_max(top);
  for (uint s = lane; s < splits; s += WG) {
    const uint from = partial_start(s, head) + HEAD_DIM;
    sum += partials[from + 1u] * exp(partials[from] - top);
  }
  sum = reduce_add(sum);
  [[unroll]] for (uint i = 0u; i < DIMS_PER_LANE; ++i) values[i] = 0.0;
  for (uint first = 0u; first < splits; first += SPLITS_AT_ONCE) {
    [[unroll]] for (uint j = 0u; j < SPLITS_AT_ONCE; ++j) {
      const uint from = partial_start(min(first + j, splits - 1u), head);
      const float weight = first + j < splits ? exp(partials[from + HEAD_DIM] - top) : 0.0;
      [[unroll]] for (uint i = 0u; i < DIMS_PER_LANE; ++i)
        values[i] += weight * partials[from + min(lane + i * WG, HEAD_DIM - 1u)];
    }
  }
#if KV_TYPE == 2
  [[unroll]] for (uint i = 0u; i < DIMS_PER_LANE; ++i)
    if (lane + i * WG < HEAD_DIM) rotated_back[lane + i * WG] = values[i] / sum;
  store_rotated_back(head_start(head, p.y_stride), lane);
#else
  [[unroll]] for (uint i = 0u; i < DIMS_PER_LANE; ++i)
    if (lane + i * WG < HEAD_DIM) y[head_start(head, p.y_stride) + lane + i * WG] = values[i] / sum;
#endif
}

// After all parts of this workgroup are stored. Combines the splits in their order if it was the last.
void finish_splits(uint splits) {
  const uint lane = gl_LocalInvocationID.x;
  memoryBarrierBuffer();
  sync();
  const uint counter = gl_WorkGroupID.x * p.kv_heads + gl_WorkGroupID.y;
  if (lane == 0u) arrivals = atomicAdd(counters[counter], 1u);
  sync();
  if (arrivals != splits - 1u) return;
  memoryBarrierBuffer();
  if (lane == 0u) counters[counter] = 0u;
  for (uint head = 0u; head < GROUP; ++head) merge_head(splits, head, lane);
}
