// Gemma 4: pictures of any size within a few hundred rows, positions by the columns and rows of patches, norms before
// and behind each block, averages of squares. Source: Gemma team 2026.
#include "model/towers/towers.h"

namespace pumice {
namespace {

constexpr double kBase = 100;

}  // namespace

Result<void> describe_gemma4_tower(KeyReader& reader, TowerSpec& spec) {
  spec.marks = {"<|image|>", "<|image>", "<image|>"};
  PUMICE_TRY(read_merge(reader, "vision.projector.scale_factor", 3, spec));
  spec.picture.sizing = PictureSpec::Sizing::kSmart;
  spec.picture.least_rows = 70;
  spec.picture.most_rows = 1120;
  for (size_t i = 0; i < 3; ++i) {  // the tower takes twice the pixel, less one
    spec.picture.mean[i] += spec.picture.deviation[i] / 2;
    spec.picture.deviation[i] /= 2;
  }
  const GgufTensor* table = reader.file().find_tensor("v.position_embd.weight");
  if (!table || table->dims[0] != spec.layers.width || table->dims[2] != 2 || table->dims[1] > (1u << 16))
    return error(Status::kMalformed, "the file has no usable v.position_embd.weight");
  spec.positions = PatchPositions::kOfSides;
  spec.table_rows = static_cast<uint32_t>(table->dims[1]);
  ModelSpec& layers = spec.layers;
  layers.norm_kind = NormKind::kRms;
  layers.clamped = true;
  layers.ropes = {
      grid_rope(layers.layers[0].attention.head_dim, kBase, RopePairs::kHalves, RopeAxis::kColumn, RopeAxis::kRow)};
  for (LayerSpec& layer : layers.layers) {
    layer.attention.qk_norm = QkNorm::kHead;
    layer.attention.v_norm = true;
    layer.attention.scale = 1;
    layer.attention.paired_quarters = true;
    layer.attention_post_norm = "attn_post_norm";
    layer.ffn_post_norm = "ffn_post_norm";
  }
  spec.merged = PatchMerge::kMean;
  spec.standardised = reader.file().find_tensor("v.std_bias") != nullptr;
  spec.merged_norm = kBareNorm;
  PUMICE_ASSIGN(TowerLayer layer, read_layer(reader, "mm.input_projection", layers.width));
  spec.projection.push_back(std::move(layer));
  return {};
}

}  // namespace pumice
