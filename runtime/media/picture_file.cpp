#include "media/picture_file.h"

#include <cstring>

#include "media/picture_codecs.h"

namespace pumice {
namespace {

bool begins_with(std::span<const std::byte> file, std::string_view text, size_t at = 0) {
  return file.size() >= at + text.size() && std::memcmp(file.data() + at, text.data(), text.size()) == 0;
}

Result<DecodedPicture> read_any(std::span<const std::byte> file, const PictureLimits& limits) {
  if (begins_with(file, "\x89PNG\r\n\x1a\n")) return read_png(file, limits);
  if (begins_with(file, "\xff\xd8\xff")) return read_jpeg(file, limits);
  if (begins_with(file, "RIFF") && begins_with(file, "WEBP", 8)) return read_webp(file, limits);
  for (const auto& [start, name] : {std::pair<std::string_view, const char*>{"GIF8", "GIF"},
                                    {"BM", "BMP"},
                                    {"II*", "TIFF"},
                                    {"MM", "TIFF"},
                                    {"%PDF", "PDF"}})
    if (begins_with(file, start))
      return error(Status::kUnsupported, "a %s file; convert it to PNG, JPEG or WebP", name);
  if (begins_with(file, "ftyp", 4))
    return error(Status::kUnsupported, "a HEIF or AVIF file, or a film; convert it to PNG, JPEG or WebP");
  return error(Status::kMalformed, "not a picture: neither PNG nor JPEG nor WebP");
}

}  // namespace

Result<void> check_picture(PictureSize size, const PictureLimits& limits) {
  if (size.width == 0 || size.height == 0) return error(Status::kMalformed, "a picture without pixels");
  if (size.width > limits.side || size.height > limits.side)
    return error(Status::kUnsupported, "a picture of %u x %u pixels; the longest side may have %u", size.width,
                 size.height, limits.side);
  if (size.pixels() > limits.pixels)
    return error(Status::kUnsupported, "a picture of %u x %u pixels; it may have %llu in all", size.width, size.height,
                 static_cast<unsigned long long>(limits.pixels));
  return {};
}

Result<Picture> read_picture(std::span<const std::byte> file, const PictureLimits& limits) {
  if (file.size() > limits.bytes)
    return error(Status::kUnsupported, "a picture file of %zu bytes; it may have %llu", file.size(),
                 static_cast<unsigned long long>(limits.bytes));
  PUMICE_ASSIGN(DecodedPicture decoded, read_any(file, limits));
  return upright(std::move(decoded.picture), decoded.orientation);
}

}  // namespace pumice
