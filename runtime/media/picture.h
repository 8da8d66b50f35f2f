// Pictures: 8 bits a channel, red, green and blue, and how they are brought to the sizes that models see, to the pixel
// as they were trained on it.
//
// Thread rule: plain values and pure functions.
#pragma once

#include <cstdint>
#include <vector>

namespace pumice {

struct PictureSize {
  uint32_t width = 0, height = 0;
  uint64_t pixels() const { return uint64_t{width} * height; }
  bool operator==(const PictureSize&) const = default;
};

struct Picture {
  PictureSize size;
  std::vector<uint8_t> rgb;  // (height, width, 3)
};

enum class PictureFilter { kBilinear, kBicubic, kLanczos };

struct PictureColour {
  uint8_t red = 0, green = 0, blue = 0;
};

// Stretched to `size`; both sizes are not empty. Antialiased in two passes, across and down, as Pillow does it.
Picture resample(const Picture& picture, PictureSize size, PictureFilter filter);

// The ratio of the sides is kept; what is left of `size` has the colour.
Picture fit(const Picture& picture, PictureSize size, PictureFilter filter, PictureColour colour);

// The part of `size` whose upper left corner is at (x, y).
Picture cut(const Picture& picture, uint32_t x, uint32_t y, PictureSize size);

// Both sides multiples of `unit` near the picture's own, the area between `least` and `most` squares of unit, as far as
// its ratio allows that. No side exceeds `most` units.
struct SizeLimits {
  uint32_t unit = 1, least = 1, most = 1;
};
PictureSize smart_size(PictureSize size, const SizeLimits& limits);

// Two steps to a grid of tiles: the longer side becomes `longest`, then both sides become multiples of `tile`.
struct TiledSizes {
  PictureSize first, grid;
};
TiledSizes tiled_sizes(PictureSize size, uint32_t longest, uint32_t tile);

}  // namespace pumice
