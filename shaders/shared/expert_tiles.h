// expert_tiles: the rows of a mixture's products, sorted by their experts into tiles of `size` rows, so that a
// workgroup that computes a tile loads the weights of its one expert once.
//
// Row i of a product is that of choice i (route.h). A tile is 1 + size words: the expert, then its rows; kNoRow where
// it has fewer, and for the expert of tiles that are not needed. Which rows of an expert lie together may differ from
// run to run; what is computed of a row does not depend on it.
#ifndef PUMICE_SHARED_EXPERT_TILES_H
#define PUMICE_SHARED_EXPERT_TILES_H
#include "types.h"

SHARED_BEGIN
struct ExpertTilesPush {
  uint rows, experts;
  uint size, tiles;  // rows of a tile, and how many tiles there is room for
};
SHARED_CONST kExpertTilesBindings = 2u;  // choices, tiles
SHARED_CONST kExpertTilesWorkgroup = 64u;
SHARED_CONST kNoRow = 0xffffffffu;

// Tiles that are enough, however the rows choose.
SHARED_FUNCTION uint most_expert_tiles(uint rows, uint experts, uint size) {
  return rows / size + (experts < rows ? experts : rows);
}
SHARED_END

#endif
