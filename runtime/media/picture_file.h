// Pictures from files: PNG, JPEG and WebP, each an optional part of the build (PUMICE_HAS_PNG, …JPEG, …WEBP).
//
// Alpha is dropped, not blended; grey is repeated; 16 bits become 8; animations are refused. What EXIF says of the
// orientation is obeyed. Files are hostile: their sizes are checked before anything is decoded, and one that ends early
// is an error. Thread rule: any thread.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "media/picture.h"

namespace pumice {

struct PictureLimits {
  uint64_t bytes = uint64_t{32} << 20;  // of the file
  uint64_t pixels = uint64_t{64} << 20;
  uint32_t side = 16384;
};

// kMalformed: not a picture, or a damaged one; kUnsupported: beyond the limits, of a format that this build or Pumice
// does not read.
Result<Picture> read_picture(std::span<const std::byte> file, const PictureLimits& limits = {});

// kUnsupported with the limit that such a picture exceeds.
Result<void> check_picture(PictureSize size, const PictureLimits& limits);

}  // namespace pumice
