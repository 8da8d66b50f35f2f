#include <optional>
#include <utility>

#include "media/picture_codecs.h"

namespace pumice {
namespace {

constexpr uint32_t kOrientationTag = 0x0112, kShort = 3;

// Whole numbers of a block whose first bytes say their order.
class ExifBlock {
 public:
  explicit ExifBlock(std::span<const std::byte> bytes) : bytes_(bytes) {}

  bool open() {
    const std::optional<uint32_t> order = number(0, 2);
    if (order != 0x4949 && order != 0x4d4d) return false;
    low_first_ = order == 0x4949;
    return number(2, 2) == 42u;
  }
  std::optional<uint32_t> number(uint64_t at, uint32_t size) const {
    if (at + size > bytes_.size()) return std::nullopt;
    uint32_t value = 0;
    for (uint32_t i = 0; i < size; ++i) {
      const auto byte = static_cast<uint32_t>(bytes_[at + i]);
      value |= byte << (8 * (low_first_ ? i : size - 1 - i));
    }
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
  bool low_first_ = true;
};

}  // namespace

uint32_t exif_orientation(std::span<const std::byte> exif) {
  constexpr std::string_view kName("Exif\0\0", 6);
  if (exif.size() >= kName.size() && std::equal(kName.begin(), kName.end(), reinterpret_cast<const char*>(exif.data())))
    exif = exif.subspan(kName.size());
  ExifBlock block(exif);
  if (!block.open()) return 1;
  const std::optional<uint32_t> table = block.number(4, 4);
  const std::optional<uint32_t> entries = table ? block.number(*table, 2) : std::nullopt;
  for (uint64_t i = 0; entries && i < *entries; ++i) {
    const uint64_t entry = uint64_t{*table} + 2 + 12 * i;
    const std::optional<uint32_t> tag = block.number(entry, 2);
    if (!tag) break;
    if (*tag != kOrientationTag) continue;
    const std::optional<uint32_t> value = block.number(entry + 8, 2);
    return block.number(entry + 2, 2) == kShort && value && *value >= 1 && *value <= 8 ? *value : 1;
  }
  return 1;
}

Picture upright(Picture picture, uint32_t orientation) {
  if (orientation <= 1 || orientation > 8) return picture;
  const auto [width, height] = picture.size;
  const bool turned = orientation >= 5;  // rows become columns
  // Bits of what else happens, in the order of EXIF's numbers: the columns, the rows run backwards.
  const bool mirrored = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool flipped = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Picture result{turned ? PictureSize{height, width} : picture.size, {}};
  result.rgb.reserve(picture.rgb.size());
  for (uint32_t y = 0; y < result.size.height; ++y)
    for (uint32_t x = 0; x < result.size.width; ++x) {
      uint32_t from_x = turned ? y : x, from_y = turned ? x : y;
      if (mirrored) from_x = width - 1 - from_x;
      if (flipped) from_y = height - 1 - from_y;
      const uint8_t* pixel = picture.rgb.data() + 3 * (uint64_t{from_y} * width + from_x);
      result.rgb.insert(result.rgb.end(), pixel, pixel + 3);
    }
  return result;
}

}  // namespace pumice
