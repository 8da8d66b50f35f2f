// Qwen2-VL and Qwen2.5-VL: pictures of any size, rotation by the rows and columns of patches, squares of four become
// one row; the second attends within windows in most layers. Sources: Wang et al. 2024; Qwen team 2025.
#include "model/towers/towers.h"

namespace pumice {

Result<void> describe_qwen2_tower(KeyReader& reader, TowerSpec& spec) {
  spec.marks = {"<|image_pad|>", "<|vision_start|>", "<|vision_end|>"};
  PUMICE_TRY(read_merge(reader, "vision.spatial_merge_size", 2, spec));
  spec.picture.sizing = PictureSpec::Sizing::kSmart;
  spec.layers.ropes = {grid_rope(spec.layers.layers[0].attention.head_dim, 10000, RopePairs::kHalves, RopeAxis::kRow,
                                 RopeAxis::kColumn)};
  const uint32_t joined = spec.layers.width * spec.merge * spec.merge;
  PUMICE_ASSIGN(TowerLayer first, read_layer(reader, "mm.0", joined, true));
  PUMICE_ASSIGN(TowerLayer second, read_layer(reader, "mm.2", first.rows));
  spec.projection = {std::move(first), std::move(second)};
  return {};
}

Result<void> describe_qwen25_tower(KeyReader& reader, TowerSpec& spec) {
  constexpr uint32_t kWindowPixels = 112;
  spec.layers.norm_kind = NormKind::kRms;
  PUMICE_TRY(describe_qwen2_tower(reader, spec));
  PUMICE_ASSIGN(const uint32_t pattern, reader.count("vision.n_wa_pattern", 0));
  reader.accept("vision.window_size");
  if (pattern == 0) return {};
  spec.window_side = kWindowPixels / spec.patch / spec.merge;
  if (spec.window_side == 0)
    return error(Status::kMalformed, "patches of %u pixels are larger than a window", spec.patch);
  for (size_t i = 0; i < spec.layers.layers.size(); ++i) spec.windowed.push_back((i + 1) % pattern != 0);
  return {};
}

}  // namespace pumice
