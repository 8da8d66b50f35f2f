// Gemma 3: SigLIP, whose patches are averaged by squares. Sources: Zhai et al. 2023 (SigLIP); Gemma team 2025.
#include "model/towers/towers.h"

namespace pumice {

Result<void> describe_gemma3_tower(KeyReader& reader, TowerSpec& spec) {
  spec.marks = {"<start_of_image>", "<start_of_image>", "<end_of_image>"};
  PUMICE_TRY(read_merge(reader, "vision.projector.scale_factor", 4, spec));
  PUMICE_TRY(check_fixed_grid(spec));
  const uint64_t side = spec.picture.image_size / spec.patch;
  spec.picture.filter = PictureSpec::Filter::kBilinear;
  spec.positions = PatchPositions::kTable;
  PUMICE_TRY(check_positions(reader, side * side, spec));
  spec.merged = PatchMerge::kMean;
  spec.merged_norm = "mm.soft_emb_norm";
  const GgufTensor* tensor = reader.file().find_tensor("mm.input_projection.weight");
  if (!tensor || tensor->dims[0] > (1u << 16))
    return error(Status::kMalformed, "the file has no usable mm.input_projection.weight");
  spec.projection.push_back({.name = "mm.input_projection",
                             .rows = static_cast<uint32_t>(tensor->dims[0]),
                             .cols = spec.layers.width,
                             .form = TowerLayer::Form::kTransposed});
  return {};
}

}  // namespace pumice
