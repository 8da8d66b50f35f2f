// rope: rotary position embedding of heads, from x to y.
#pragma once

#include <vector>

#include "kernels/kernels.h"

namespace pumice {

// Which two dimensions of a head form a pair: (2i, 2i+1), or (i, i + rotary/2).
enum class RopePairs : uint32_t { kAdjacent = 0, kHalves = 1 };

// Fractions of a turn a position, as the shaders want them (shaders/shared/rope.h): two words a pair, from radians.
std::vector<uint32_t> rope_frequencies(std::span<const double> radians_per_position);

struct RopeArgs {
  FloatRows x;                 // (n, heads * head_dim)
  vk::BufferView frequencies;  // (rotary / 2) pairs of words
  vk::BufferView step_rows;    // (n) StepRow
  FloatRows y;                 // (n, heads * head_dim); not x
  uint32_t n = 1, heads = 1, head_dim = 0, rotary = 0;
  RopePairs pairs = RopePairs::kAdjacent;
};
void rope(Recorder recorder, const RopeArgs& args);

}  // namespace pumice
