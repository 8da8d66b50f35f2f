// roof: what a device reaches at best, by micro-benchmarks: memory bandwidth and arithmetic in each kind that kernels
// use. The roofs of the roofline model (Williams, Waterman and Patterson 2009).
#pragma once

#include "kernels/kernels.h"

namespace pumice {

enum class Roof { kRead, kCopy, kF32, kF16, kInt8, kMatrix };
inline constexpr Roof kAllRoofs[] = {Roof::kRead, Roof::kCopy, Roof::kF32, Roof::kF16, Roof::kInt8, Roof::kMatrix};

struct RoofArgs {
  Roof roof = Roof::kRead;
  vk::BufferView source;  // memory: whole vectors of four words; arithmetic: anything, it is not read
  vk::BufferView target;  // kCopy: as large as source; else roof_target_bytes()
  uint32_t groups = 1;
  uint32_t iterations = 1;  // arithmetic: multiply-adds in each chain
  float factor = 1, offset = 0;
};
void roof(Recorder recorder, const RoofArgs& args);

// The variant, its workgroup and what a group of it does. Pure.
struct RoofVariant {
  Shader shader;  // none: the device does not offer this, or this build has no shader for it
  uint32_t workgroup = 1;
  bool full_subgroups = false;
  bool lines = false;            // kRead: a word of each cache line
  uint32_t m = 0, n = 0, k = 0;  // kMatrix: the sizes with the most operations
};
RoofVariant choose_roof(const vk::DeviceCaps& caps, Roof roof);
uint64_t roof_target_bytes(const vk::DeviceCaps& caps, Roof roof, uint32_t groups);
// Of one iteration of a group: a multiply-add is two.
double roof_operations(const vk::DeviceCaps& caps, Roof roof);

// A second; 0: not offered.
struct Roofs {
  double read_bytes = 0, copy_bytes = 0;  // copy: read and written together
  double f32_flops = 0, f16_flops = 0, int8_ops = 0, matrix_flops = 0;
};
// Takes the device for itself for up to three seconds. Fails when the device does not compute what it should: its times
// then mean nothing.
Result<Roofs> measure_roofs(Kernels& kernels);

}  // namespace pumice
