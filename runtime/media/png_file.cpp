#include "media/picture_codecs.h"

#ifdef PUMICE_HAS_PNG
#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>
#endif

namespace pumice {

#ifdef PUMICE_HAS_PNG
namespace {

constexpr size_t kMostChunkBytes = size_t{8} << 20;  // of what a chunk other than pixels unpacks to
constexpr uint32_t kMostChunks = 256;

// What libpng's functions share with those that it calls. Plain values: libpng leaves by longjmp.
struct PngReader {
  const std::byte* data = nullptr;
  size_t left = 0;
  png_structp png = nullptr;
  png_infop info = nullptr, end = nullptr;
  char problem[96] = "";
  std::jmp_buf leave;
};

void fail(png_structp png, png_const_charp message) {
  auto* reader = static_cast<PngReader*>(png_get_error_ptr(png));
  std::strncpy(reader->problem, message, sizeof reader->problem - 1);
  std::longjmp(reader->leave, 1);
}

void take(png_structp png, png_bytep to, size_t count) {
  auto* reader = static_cast<PngReader*>(png_get_io_ptr(png));
  if (count > reader->left) png_error(png, "it ends early");
  std::memcpy(to, reader->data, count);
  reader->data += count;
  reader->left -= count;
}

bool read_header(PngReader& reader, PictureSize& size) {
  if (setjmp(reader.leave) != 0) return false;
  png_read_info(reader.png, reader.info);
  size = {png_get_image_width(reader.png, reader.info), png_get_image_height(reader.png, reader.info)};
  return true;
}

bool read_rows(PngReader& reader, uint32_t height, size_t row_bytes, uint8_t* rgb) {
  if (setjmp(reader.leave) != 0) return false;
  png_set_expand(reader.png);
  png_set_strip_16(reader.png);
  png_set_gray_to_rgb(reader.png);
  png_set_strip_alpha(reader.png);
  const int passes = png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  if (png_get_rowbytes(reader.png, reader.info) != row_bytes) png_error(reader.png, "rows of another length");
  for (int pass = 0; pass < passes; ++pass)
    for (uint32_t y = 0; y < height; ++y) png_read_row(reader.png, rgb + y * row_bytes, nullptr);
  png_read_end(reader.png, reader.end);
  return true;
}

uint32_t orientation_of(const PngReader& reader) {
  for (const png_infop info : {reader.info, reader.end}) {
    png_uint_32 count = 0;
    png_bytep exif = nullptr;
    if (png_get_eXIf_1(reader.png, info, &count, &exif) != 0 && exif != nullptr)
      return exif_orientation({reinterpret_cast<const std::byte*>(exif), count});
  }
  return 1;
}

Result<DecodedPicture> read_with(PngReader& reader, const PictureLimits& limits) {
  const auto damaged = [&] { return error(Status::kMalformed, "a damaged PNG file: %s", reader.problem); };
  DecodedPicture decoded;
  PictureSize& size = decoded.picture.size;
  if (!read_header(reader, size)) return damaged();
  PUMICE_TRY(check_picture(size, limits));
  decoded.picture.rgb.resize(3 * size.pixels());
  if (!read_rows(reader, size.height, 3 * size_t{size.width}, decoded.picture.rgb.data())) return damaged();
  decoded.orientation = orientation_of(reader);
  return decoded;
}

}  // namespace

Result<DecodedPicture> read_png(std::span<const std::byte> file, const PictureLimits& limits) {
  PngReader reader{};
  reader.data = file.data();
  reader.left = file.size();
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, fail, [](png_structp, png_const_charp) {});
  if (!reader.png) return error(Status::kOutOfHostMemory, "no memory to read a PNG file");
  reader.info = png_create_info_struct(reader.png);
  reader.end = png_create_info_struct(reader.png);
  png_set_read_fn(reader.png, &reader, take);
  png_set_user_limits(reader.png, 0x7fffffff, 0x7fffffff);  // check_picture() says it better
  png_set_chunk_malloc_max(reader.png, kMostChunkBytes);
  png_set_chunk_cache_max(reader.png, kMostChunks);
  Result<DecodedPicture> result = reader.info && reader.end
                                      ? read_with(reader, limits)
                                      : error(Status::kOutOfHostMemory, "no memory to read a PNG file");
  png_destroy_read_struct(&reader.png, &reader.info, &reader.end);
  return result;
}
#else
Result<DecodedPicture> read_png(std::span<const std::byte>, const PictureLimits&) {
  return error(Status::kUnsupported, "this build reads no PNG files; build with libpng");
}
#endif

}  // namespace pumice
