// LLaVA 1.5: CLIP, of which the last layer is left out, and a projector of two layers. Sources: Radford et al. 2021;
// Liu et al. 2023.
#include "model/towers/towers.h"

namespace pumice {

// The row of the class comes first, as positions and what is dropped in the end take it; llama.cpp puts it last.
Result<void> describe_llava_tower(KeyReader& reader, TowerSpec& spec) {
  spec.marks = {"<image>", "", ""};
  PUMICE_TRY(check_fixed_grid(spec));
  const uint64_t side = spec.picture.image_size / spec.patch;
  if (reader.has("vision.image_grid_pinpoints"))
    return error(Status::kUnsupported, "%s: pictures as an overview and a grid (LLaVA 1.6) are not supported",
                 reader.key("vision.image_grid_pinpoints").c_str());
  const auto layers = static_cast<uint32_t>(spec.layers.layers.size());
  uint32_t used = layers > 1 ? layers - 1 : 1;
  if (const GgufValue* chosen = reader.file().find(reader.key("vision.feature_layer"))) {
    const auto numbers = chosen->as_i32_array();
    if (!numbers || numbers->size() != 1 || (*numbers)[0] < 1 || static_cast<uint32_t>((*numbers)[0]) > layers)
      return error(Status::kUnsupported, "%s = %s: only one layer of the tower is supported",
                   reader.key("vision.feature_layer").c_str(), render(*chosen).c_str());
    used = static_cast<uint32_t>((*numbers)[0]);
    reader.accept("vision.feature_layer");
  }
  for (uint32_t i = used; i < layers; ++i) spec.layers.unused_tensors.push_back("v.blk." + std::to_string(i) + ".");
  spec.layers.layers.resize(used);
  spec.picture.padding = {122, 116, 104};
  spec.class_row = true;
  spec.positions = PatchPositions::kTable;
  PUMICE_TRY(check_positions(reader, side * side + 1, spec));
  PUMICE_ASSIGN(TowerLayer first, read_layer(reader, "mm.0", spec.layers.width, true));
  PUMICE_ASSIGN(TowerLayer second, read_layer(reader, "mm.2", first.rows));
  spec.projection = {std::move(first), std::move(second)};
  return {};
}

}  // namespace pumice
