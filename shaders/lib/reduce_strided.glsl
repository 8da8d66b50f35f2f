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

float reduce_add_strided(float value, uint stride) {
  for (uint step = stride; step < min(WG, gl_SubgroupSize); step <<= 1) value += subgroupShuffleXor(value, step);
  if (WG <= gl_SubgroupSize) return value;
  const uint lane = gl_SubgroupInvocationID;
  barrier();
  if (lane < stride) reduce_values[gl_SubgroupID * stride + lane] = value;
  barrier();
  value = 0.0;
  for (uint i = 0u; i < WG / gl_SubgroupSize; ++i) value += reduce_values[i * stride + lane % stride];
  return value;
}
#endif
