// Pixtral, Mistral Small 3.1, Ministral 3: a row for each patch or square, and a break behind each row of the grid but
// the last. Source: Agrawal et al. 2024.
#include <cmath>

#include "model/towers/towers.h"

namespace pumice {

Result<void> describe_pixtral_tower(KeyReader& reader, TowerSpec& spec) {
  spec.marks = {"[IMG]", "", "[IMG_END]"};
  PUMICE_TRY(read_merge(reader, "vision.spatial_merge_size", 1, spec));
  spec.picture.sizing = PictureSpec::Sizing::kSmart;
  spec.picture.most_rows = 1024;
  ModelSpec& layers = spec.layers;
  layers.norm_kind = NormKind::kRms;
  const uint32_t head_dim = layers.layers[0].attention.head_dim;
  RopeSpec rope = grid_rope(head_dim, 10000, RopePairs::kAdjacent, RopeAxis::kRow, RopeAxis::kColumn);
  for (size_t i = rope.radians.size() / 2; i < rope.radians.size(); ++i)
    rope.radians[i] *= std::pow(10000.0, -2.0 / head_dim);
  layers.ropes = {std::move(rope)};
  uint32_t cols = layers.width;
  if (reader.file().find_tensor("mm.patch_merger.weight")) {
    layers.output_norm = "mm.input_norm";
    PUMICE_ASSIGN(TowerLayer merger, read_layer(reader, "mm.patch_merger", cols * spec.merge * spec.merge));
    merger.form = TowerLayer::Form::kByChannel;
    cols = merger.rows;
    spec.projection.push_back(std::move(merger));
  } else if (spec.merge != 1) {
    return error(Status::kMalformed, "the file has no mm.patch_merger.weight for squares of %u patches", spec.merge);
  }
  PUMICE_ASSIGN(TowerLayer first, read_layer(reader, "mm.1", cols, true));
  PUMICE_ASSIGN(TowerLayer second, read_layer(reader, "mm.2", first.rows));
  spec.projection.push_back(std::move(first));
  spec.projection.push_back(std::move(second));
  spec.row_breaks = true;
  return {};
}

}  // namespace pumice
