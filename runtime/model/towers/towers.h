// The kinds of image projectors: each is a function that says in what it differs from the tower that they share, in a
// file of its own, and a row here.
#pragma once

#include <string>
#include <string_view>

#include "model/key_reader.h"
#include "model/tower.h"

namespace pumice {

// clip.projector_type, and the function describe_…_tower.
#define PUMICE_TOWERS(X)        \
  X("gemma3", gemma3)           \
  X("gemma4v", gemma4)          \
  X("idefics3", idefics3)       \
  X("mlp", llava)               \
  X("qwen2vl_merger", qwen2)    \
  X("qwen2.5vl_merger", qwen25) \
  X("qwen3vl_merger", qwen3)    \
  X("pixtral", pixtral)

#define PUMICE_TOWER(name, kind) Result<void> describe_##kind##_tower(KeyReader& reader, TowerSpec& spec);
PUMICE_TOWERS(PUMICE_TOWER)
#undef PUMICE_TOWER

// What the kinds share; names are of keys without "clip.".
//
// How many patches of a side become one row, from a key or `fallback`.
Result<void> read_merge(KeyReader& reader, std::string_view name, uint32_t fallback, TowerSpec& spec);
// A grid of image_size / patch both ways, whose squares are whole.
Result<void> check_fixed_grid(const TowerSpec& spec);
// A table of positions with so many rows.
Result<void> check_positions(KeyReader& reader, uint64_t rows, TowerSpec& spec);
// A layer of the projector with as many rows as its tensor has.
Result<TowerLayer> read_layer(const KeyReader& reader, const std::string& name, uint32_t cols, bool gelu = false);
// Of heads, half of whose pairs turn by the row and half by the column of their patch.
RopeSpec grid_rope(uint32_t head_dim, double base, RopePairs pairs, RopeAxis first, RopeAxis second);

}  // namespace pumice
