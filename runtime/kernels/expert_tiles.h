// expert_tiles: the rows of a mixture's products, sorted by their experts (shaders/shared/expert_tiles.h).
#pragma once

#include "kernels/kernels.h"
#include "shared/expert_tiles.h"

namespace pumice {

struct ExpertTilesArgs {
  vk::BufferView choices;  // (rows), of route()
  vk::BufferView tiles;    // expert_tiles_bytes()
  uint32_t rows = 1, experts = 1, size = 1;
};
// experts <= kRouteMostExperts.
void expert_tiles(Recorder recorder, const ExpertTilesArgs& args);

inline uint64_t expert_tiles_bytes(uint32_t rows, uint32_t experts, uint32_t size) {
  return uint64_t{4} * most_expert_tiles(rows, experts, size) * (1 + size);
}
// For tiles of any size up to kMostExpertTile.
constexpr uint32_t kMostExpertTile = 16;
inline uint64_t expert_tiles_most_bytes(uint64_t rows, uint32_t experts) {
  return 4 * (2 * rows + uint64_t{1 + kMostExpertTile} * experts);
}

}  // namespace pumice
