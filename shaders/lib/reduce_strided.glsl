// The sum over the lanes of a workgroup with the same lane % stride, in every one of them; after lib/reduce.glsl. Here
// a workgroup may be several full subgroups, which add up through shared memory.
#ifdef REDUCE_SHARED
uint lane_index() { return gl_LocalInvocationID.x; }

float reduce_add_strided(float value, uint stride) {
  const uint lane = gl_LocalInvocationID.x;
  barrier();
  reduce_values[lane] = value;
  for (uint step = WG / 2u; step >= stride; step >>= 1) {
    barrier();
    if (lane < step) reduce_values[lane] += reduce_values[lane + step];
  }
  barrier();
  return reduce_values[lane % stride];
}
#else
// The index by which shuffles and shared memory see a lane.
uint lane_index() { return gl_SubgroupID * gl_SubgroupSize + gl_SubgroupInvocationID; }

shared float reduce_values[WG];

// The bounds of the loops are constants, and what depends on the size of a subgroup a condition in them, because NVK
// learns that size late and unrolls no loop around one that it cannot unroll: sums would be in memory.
float reduce_add_strided(float value, uint stride) {
  [[unroll]] for (uint step = stride; step < WG; step <<= 1)
    if (step < gl_SubgroupSize) value += subgroupShuffleXor(value, step);
  if (WG > gl_SubgroupSize) {
    const uint lane = gl_SubgroupInvocationID;
    barrier();
    if (lane < stride) reduce_values[gl_SubgroupID * stride + lane] = value;
    barrier();
    value = 0.0;
    [[unroll]] for (uint i = 0u; i < WG / 8u; ++i)
      if (i < WG / gl_SubgroupSize) value += reduce_values[i * stride + lane % stride];
  }
  return value;
}
#endif
