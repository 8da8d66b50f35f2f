// What decodes one format each, and what they share. Each checks the size by check_picture() before it decodes.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "media/picture_file.h"

namespace pumice {

struct DecodedPicture {
  Picture picture;
  uint32_t orientation = 1;  // as EXIF numbers them
};

Result<DecodedPicture> read_png(std::span<const std::byte> file, const PictureLimits& limits);
Result<DecodedPicture> read_jpeg(std::span<const std::byte> file, const PictureLimits& limits);
Result<DecodedPicture> read_webp(std::span<const std::byte> file, const PictureLimits& limits);

// Of a block of EXIF data, with or without "Exif\0\0" in front: 1 to 8; 1 where it does not say.
uint32_t exif_orientation(std::span<const std::byte> exif);
// As it is to be looked at.
Picture upright(Picture picture, uint32_t orientation);

}  // namespace pumice
