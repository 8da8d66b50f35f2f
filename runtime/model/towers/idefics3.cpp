// Idefics3 and SmolVLM: SigLIP over the tiles of a picture, then over the whole; squares of patches become one row.
// Source: Laurençon et al. 2024.
#include <algorithm>

#include "model/towers/towers.h"

namespace pumice {

Result<void> describe_idefics3_tower(KeyReader& reader, TowerSpec& spec) {
  spec.marks = {"<image>", "<fake_token_around_image>", "", true};
  constexpr uint32_t kMostTiles = 32, kMostPixels = 16384;  // along a side
  PUMICE_TRY(read_merge(reader, "vision.projector.scale_factor", 1, spec));
  PUMICE_TRY(check_fixed_grid(spec));
  const uint64_t side = spec.picture.image_size / spec.patch;
  spec.picture.sizing = PictureSpec::Sizing::kTiled;
  spec.picture.filter = PictureSpec::Filter::kLanczos;
  PUMICE_ASSIGN(spec.picture.longest,
                reader.required("vision.preproc_image_size",
                                std::min(kMostTiles * spec.picture.image_size, kMostPixels)));
  spec.positions = PatchPositions::kTable;
  PUMICE_TRY(check_positions(reader, side * side, spec));
  PUMICE_ASSIGN(TowerLayer layer, read_layer(reader, "mm.model.fc", spec.layers.width * spec.merge * spec.merge));
  spec.projection.push_back(std::move(layer));
  return {};
}

}  // namespace pumice
