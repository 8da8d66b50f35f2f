// Reductions over a workgroup of WG lanes (specialisation constant 0). Built in two ways: a workgroup is one full
// subgroup (the usual one, without barriers), or, with REDUCE_SHARED, any size and no subgroup operations at all.
// reduce_add_strided takes several full subgroups, too.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 32u;

#ifdef REDUCE_SHARED
shared float reduce_values[WG];

void sync() { barrier(); }
uint lane_index() { return gl_LocalInvocationID.x; }

float reduce_add(float value) {
  const uint lane = gl_LocalInvocationID.x;
  barrier();
  reduce_values[lane] = value;
  for (uint step = WG / 2u; step > 0u; step >>= 1) {
    barrier();
    if (lane < step) reduce_values[lane] += reduce_values[lane + step];
  }
  barrier();
  return reduce_values[0];
}

float reduce_max(float value) {
  const uint lane = gl_LocalInvocationID.x;
  barrier();
  reduce_values[lane] = value;
  for (uint step = WG / 2u; step > 0u; step >>= 1) {
    barrier();
    if (lane < step) reduce_values[lane] = max(reduce_values[lane], reduce_values[lane + step]);
  }
  barrier();
  return reduce_values[0];
}

// The sum over the lanes with the same lane % stride, in every one of them.
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
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_shuffle : require

void sync() {
  subgroupMemoryBarrierShared();
  subgroupBarrier();
}
float reduce_add(float value) { return subgroupAdd(value); }
float reduce_max(float value) { return subgroupMax(value); }

// Of a workgroup of several subgroups, the index by which shuffles and shared memory see a lane.
uint lane_index() { return gl_SubgroupID * gl_SubgroupSize + gl_SubgroupInvocationID; }

// Also over several subgroups: then through `reduce_values`.
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

// Of the lanes with the highest value the lowest index, which is below 2^24.
uint index_of_highest(float value, uint index) {
  const float highest = reduce_max(value);
  return uint(-reduce_max(value == highest ? -float(index) : -16777216.0));
}
