// Rotary position embedding, which kv_write and kv_shift do: which dimensions are turned together, and how far.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace pumice {

// Which two dimensions of a head form a pair: (2i, 2i+1), or (i, i + rotary/2).
enum class RopePairs : uint32_t { kAdjacent = 0, kHalves = 1 };

// Along what a pair turns beside the position: the rows or the columns of a picture's grid (StepRow::grid).
enum class RopeAxis : uint8_t { kNone = 0, kRow = 1, kColumn = 2 };

// Fractions of a turn a position, as the shaders want them (shaders/lib/rope.glsl): two words a pair, from radians.
// axes: of each pair; empty: none has one.
std::vector<uint32_t> rope_frequencies(std::span<const double> radians_per_position,
                                       std::span<const RopeAxis> axes = {});

}  // namespace pumice
