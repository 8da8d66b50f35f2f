// The rows of a mixture's products, sorted by their experts into tiles. Thread rule: a pure function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <vector>

namespace pumice::reference {

struct ExpertTile {
  uint32_t expert = 0;
  std::set<uint32_t> rows;
};

// As few tiles of an expert as can be, full ones first; experts in their order.
inline std::vector<ExpertTile> expert_tiles(std::span<const uint32_t> chosen, uint32_t experts, size_t size) {
  std::vector<ExpertTile> tiles;
  for (uint32_t e = 0; e < experts; ++e) {
    bool full = true;
    for (uint32_t row = 0; row < chosen.size(); ++row) {
      if (chosen[row] != e) continue;
      if (full) tiles.push_back({e, {}});
      tiles.back().rows.insert(row);
      full = tiles.back().rows.size() == size;
    }
  }
  return tiles;
}

}  // namespace pumice::reference
