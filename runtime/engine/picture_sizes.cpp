#include "engine/picture_sizes.h"

#include <algorithm>

namespace pumice {
namespace {

PictureFilter filter_of(const TowerSpec& spec) {
  switch (spec.picture.filter) {
    case PictureSpec::Filter::kBilinear:
      return PictureFilter::kBilinear;
    case PictureSpec::Filter::kBicubic:
      return PictureFilter::kBicubic;
    case PictureSpec::Filter::kLanczos:
      break;
  }
  return PictureFilter::kLanczos;
}

std::vector<PicturePart> tiles_and_whole(const TowerSpec& spec, const Picture& picture) {
  const uint32_t side = spec.picture.image_size;
  const TiledSizes sizes = tiled_sizes(picture.size, spec.picture.longest, side);
  const PictureFilter filter = filter_of(spec);
  const Picture grid = resample(resample(picture, sizes.first, filter), sizes.grid, filter);
  std::vector<PicturePart> parts;
  for (uint32_t row = 0; row < sizes.grid.height / side; ++row)
    for (uint32_t column = 0; column < sizes.grid.width / side; ++column)
      parts.push_back({cut(grid, column * side, row * side, {side, side}), row + 1, column + 1});
  parts.push_back({resample(grid, {side, side}, filter)});
  return parts;
}

}  // namespace

std::vector<PicturePart> prepare_picture(const TowerSpec& spec, const Picture& picture, const RowLimits& limits) {
  const PictureSpec& wanted = spec.picture;
  if (wanted.sizing == PictureSpec::Sizing::kTiled) return tiles_and_whole(spec, picture);
  PictureSize size{wanted.image_size, wanted.image_size};
  if (wanted.sizing == PictureSpec::Sizing::kSmart) {
    const uint32_t most = limits.most ? limits.most : std::max(wanted.most_rows, limits.least);
    const uint32_t least = std::min(limits.least ? limits.least : wanted.least_rows, most);
    size = smart_size(picture.size, {.unit = spec.patch * spec.merge, .least = least, .most = most});
  }
  const PictureColour colour{wanted.padding[0], wanted.padding[1], wanted.padding[2]};
  std::vector<PicturePart> parts;
  parts.push_back({fit(picture, size, filter_of(spec), colour)});
  return parts;
}

RowGrid row_grid(const TowerSpec& spec, PictureSize size) {
  const uint32_t unit = spec.patch * spec.merge;
  return {.rows = size.height / unit, .columns = size.width / unit, .breaks = spec.row_breaks};
}

}  // namespace pumice
