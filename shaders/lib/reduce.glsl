// Reductions over a workgroup of WG lanes (specialisation constant 0). Built in two ways: a workgroup is one full
// subgroup (the usual one, without barriers), or, with REDUCE_SHARED, any size and no subgroup operations at all.
// REDUCE_LOCKSTEP: a subgroup, as software drivers have it, is a vector register, whose lanes wait for nothing.
// llvmpipe of Mesa 26 makes a coroutine of whatever waits, and that takes twice the time to compile.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 32u;

#ifdef REDUCE_SHARED
shared float reduce_values[WG];

void sync() { barrier(); }

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
#else
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_shuffle : require

void sync() {
  subgroupMemoryBarrierShared();
#ifndef REDUCE_LOCKSTEP
  subgroupBarrier();
#endif
}
float reduce_add(float value) { return subgroupAdd(value); }
float reduce_max(float value) { return subgroupMax(value); }
#endif

// Of the lanes with `has` (one at least) the lowest index, which is below 2^24.
uint lowest_index(bool has, uint index) { return uint(-reduce_max(has ? -float(index) : -16777216.0)); }

// The highest value of the lanes, and the lowest index that comes with it.
void reduce_highest(inout float value, inout uint index) {
  const float highest = reduce_max(value);
  index = lowest_index(value == highest, index);
  value = highest;
}
