#include "media/picture.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace pumice {
namespace {

void place(const Picture& part, uint32_t x, uint32_t y, Picture& whole) {
  for (uint32_t row = 0; row < part.size.height; ++row)
    std::copy_n(part.rgb.begin() + static_cast<ptrdiff_t>(3 * uint64_t{row} * part.size.width), 3 * part.size.width,
                whole.rgb.begin() + static_cast<ptrdiff_t>(3 * (uint64_t{y + row} * whole.size.width + x)));
}

uint32_t multiple_of(float units, uint32_t unit, uint32_t most) {
  return static_cast<uint32_t>(std::clamp(units, 1.0f, static_cast<float>(most))) * unit;
}

}  // namespace

Picture fit(const Picture& picture, PictureSize size, PictureFilter filter, PictureColour colour) {
  const auto ratio = [](uint32_t a, uint32_t b) { return static_cast<float>(a) / static_cast<float>(b); };
  const float scale = std::min(ratio(size.width, picture.size.width), ratio(size.height, picture.size.height));
  const auto scaled = [&](uint32_t side, uint32_t most) {
    return std::min(static_cast<uint32_t>(std::ceil(static_cast<float>(side) * scale)), most);
  };
  const PictureSize inner{scaled(picture.size.width, size.width), scaled(picture.size.height, size.height)};
  const Picture part = resample(picture, inner, filter);
  if (inner == size) return part;
  Picture result{size, std::vector<uint8_t>(3 * size.pixels())};
  for (size_t i = 0; i < result.rgb.size(); i += 3) {
    result.rgb[i] = colour.red;
    result.rgb[i + 1] = colour.green;
    result.rgb[i + 2] = colour.blue;
  }
  place(part, (size.width - inner.width) / 2, (size.height - inner.height) / 2, result);
  return result;
}

Picture cut(const Picture& picture, uint32_t x, uint32_t y, PictureSize size) {
  Picture part{size, {}};
  for (uint32_t row = 0; row < size.height; ++row) {
    const auto from = picture.rgb.begin() + static_cast<ptrdiff_t>(3 * (uint64_t{y + row} * picture.size.width + x));
    part.rgb.insert(part.rgb.end(), from, from + static_cast<ptrdiff_t>(3 * size.width));
  }
  return part;
}

// In 32-bit floating point, as the sizes of known answers are.
PictureSize smart_size(PictureSize size, const SizeLimits& limits) {
  const auto unit = static_cast<float>(limits.unit);
  const auto width = static_cast<float>(size.width), height = static_cast<float>(size.height);
  const auto side = [&](float units) { return multiple_of(units, limits.unit, limits.most); };
  const auto area_of = [&](uint32_t units) { return uint64_t{units} * limits.unit * limits.unit; };
  const auto nearest = [&](float length) {
    return multiple_of(std::floor(length / unit + 0.5f), limits.unit, 1u << 24);
  };
  const PictureSize near{nearest(width), nearest(height)};
  const auto own = static_cast<float>(size.pixels());
  if (near.pixels() > area_of(limits.most)) {
    const float beta = std::sqrt(own / static_cast<float>(area_of(limits.most)));
    return {side(std::floor(width / beta / unit)), side(std::floor(height / beta / unit))};
  }
  if (near.pixels() < area_of(limits.least)) {
    const float beta = std::sqrt(static_cast<float>(area_of(limits.least)) / own);
    return {side(std::ceil(width * beta / unit)), side(std::ceil(height * beta / unit))};
  }
  return near;
}

TiledSizes tiled_sizes(PictureSize size, uint32_t longest, uint32_t tile) {
  const auto shorter = [](PictureSize of, uint32_t longer) {
    const double ratio = static_cast<double>(std::max(of.width, of.height)) / std::min(of.width, of.height);
    return static_cast<uint32_t>(longer / ratio);
  };
  const auto turned = [](PictureSize like, uint32_t longer, uint32_t other) {
    return like.width >= like.height ? PictureSize{longer, other} : PictureSize{other, longer};
  };
  const auto tiles = [&](uint32_t length) { return std::max((length + tile - 1) / tile, 1u) * tile; };
  const uint32_t other = shorter(size, longest);
  TiledSizes sizes{.first = turned(size, longest, std::max(other + other % 2, 1u)), .grid = {}};
  const uint32_t longer = tiles(std::max(sizes.first.width, sizes.first.height));
  sizes.grid = turned(sizes.first, longer, tiles(shorter(sizes.first, longer)));
  return sizes;
}

}  // namespace pumice
