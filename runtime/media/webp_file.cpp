#include "media/picture_codecs.h"

#ifdef PUMICE_HAS_WEBP
#include <webp/decode.h>

#include <cstring>
#endif

namespace pumice {

#ifdef PUMICE_HAS_WEBP
namespace {

// Of the RIFF chunk EXIF.
uint32_t orientation_of(std::span<const std::byte> file) {
  constexpr size_t kHeader = 8, kFirstChunk = 12;
  for (uint64_t at = kFirstChunk; at + kHeader <= file.size();) {
    uint64_t size = 0;
    for (int i = 0; i < 4; ++i)
      size |= uint64_t{static_cast<uint8_t>(file[at + 4 + static_cast<size_t>(i)])} << (8 * i);
    if (at + kHeader + size > file.size()) break;
    if (std::memcmp(file.data() + at, "EXIF", 4) == 0) return exif_orientation(file.subspan(at + kHeader, size));
    at += kHeader + size + size % 2;
  }
  return 1;
}

}  // namespace

Result<DecodedPicture> read_webp(std::span<const std::byte> file, const PictureLimits& limits) {
  const auto* data = reinterpret_cast<const uint8_t*>(file.data());
  WebPBitstreamFeatures features{};
  if (WebPGetFeatures(data, file.size(), &features) != VP8_STATUS_OK || features.width <= 0 || features.height <= 0)
    return error(Status::kMalformed, "a damaged WebP file");
  if (features.has_animation) return error(Status::kUnsupported, "an animated WebP file; take one picture of it");
  DecodedPicture decoded;
  decoded.picture.size = {static_cast<uint32_t>(features.width), static_cast<uint32_t>(features.height)};
  PUMICE_TRY(check_picture(decoded.picture.size, limits));
  std::vector<uint8_t>& rgb = decoded.picture.rgb;
  rgb.resize(3 * decoded.picture.size.pixels());
  if (!WebPDecodeRGBInto(data, file.size(), rgb.data(), rgb.size(), 3 * features.width))
    return error(Status::kMalformed, "a damaged WebP file, or one that ends early");
  decoded.orientation = orientation_of(file);
  return decoded;
}
#else
Result<DecodedPicture> read_webp(std::span<const std::byte>, const PictureLimits&) {
  return error(Status::kUnsupported, "this build reads no WebP files; build with libwebp");
}
#endif

}  // namespace pumice
