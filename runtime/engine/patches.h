// Patches: how a picture's pixels become the rows that a tower begins with. Pure functions on the CPU.
#pragma once

#include <cstdint>
#include <vector>

#include "media/picture.h"
#include "model/tower_weights.h"

namespace pumice {

// In patches.
struct PatchGrid {
  uint32_t rows = 0, columns = 0;
  uint32_t count() const { return rows * columns; }
};

// kUnsupported: the sides are no whole squares, or the tower has no positions for a grid of that size.
Result<PatchGrid> patch_grid(const TowerSpec& spec, PictureSize size);

// The order in which patches are computed.
struct PatchOrder {
  struct Place {
    uint32_t row = 0, column = 0;
  };
  std::vector<Place> patches;
  std::vector<uint32_t> windows;  // patches of each, one after the other; empty: there are none
  std::vector<uint32_t> reading;  // of each row of the result, its place in reading order
};
PatchOrder order_patches(const TowerSpec& spec, PatchGrid grid);

// (patches, patch_columns): each patch's values, by channel, row and column.
std::vector<float> cut_patches(const TowerSpec& spec, const Picture& picture, const PatchOrder& order);

// (rows, width): what is added to each patch, before them that of the class where there is one.
std::vector<float> patch_additions(const Tower& tower, PatchGrid grid, const PatchOrder& order);

}  // namespace pumice
