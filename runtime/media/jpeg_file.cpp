#include "media/picture_codecs.h"

#ifdef PUMICE_HAS_JPEG
#include <csetjmp>
#include <cstdio>
#include <cstring>
// After <cstdio>, which they do not include.
#include <jpeglib.h>
//
#include <jerror.h>
#endif

namespace pumice {

#ifdef PUMICE_HAS_JPEG
namespace {

constexpr int kMostScans = 100;
constexpr long kMostMemory = 640l << 20;  // the coefficients of a progressive picture of the most pixels

// libjpeg leaves by longjmp: plain values.
struct JpegReader {
  jpeg_decompress_struct jpeg;
  jpeg_error_mgr errors;
  jpeg_progress_mgr progress;
  std::jmp_buf leave;
  char problem[JMSG_LENGTH_MAX];
};

void fail(j_common_ptr jpeg) {
  auto* reader = static_cast<JpegReader*>(jpeg->client_data);
  jpeg->err->format_message(jpeg, reader->problem);
  std::longjmp(reader->leave, 1);
}

// Where data is missing or cannot be read, libjpeg would go on with grey.
void warn(j_common_ptr jpeg, int level) {
  const int code = jpeg->err->msg_code;
  if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE)) fail(jpeg);
}

// A file of a few bytes may have scans that take hours.
void count_scans(j_common_ptr jpeg) {
  auto* reader = static_cast<JpegReader*>(jpeg->client_data);
  if (reader->jpeg.input_scan_number <= kMostScans) return;
  std::strcpy(reader->problem, "too many scans");
  std::longjmp(reader->leave, 1);
}

bool read_header(JpegReader& reader, std::span<const std::byte> file, DecodedPicture& decoded) {
  if (setjmp(reader.leave) != 0) return false;
  jpeg_create_decompress(&reader.jpeg);
  reader.jpeg.client_data = &reader;
  reader.jpeg.progress = &reader.progress;
  reader.jpeg.mem->max_memory_to_use = kMostMemory;
  jpeg_mem_src(&reader.jpeg, reinterpret_cast<const unsigned char*>(file.data()), file.size());
  jpeg_save_markers(&reader.jpeg, JPEG_APP0 + 1, 0xffff);
  jpeg_read_header(&reader.jpeg, TRUE);
  decoded.picture.size = {reader.jpeg.image_width, reader.jpeg.image_height};
  for (jpeg_saved_marker_ptr marker = reader.jpeg.marker_list; marker; marker = marker->next) {
    const auto* data = reinterpret_cast<const std::byte*>(marker->data);
    decoded.orientation = exif_orientation({data, marker->data_length});
    if (decoded.orientation != 1) break;
  }
  return true;
}

// Inks as Adobe writes them, inverted; without its marker they are not.
void mix_inks(const JpegReader& reader, const uint8_t* cmyk, uint32_t width, uint8_t* rgb) {
  const uint8_t flip = reader.jpeg.saw_Adobe_marker ? 0 : 0xff;
  for (uint32_t x = 0; x < width; ++x, cmyk += 4)
    for (int ink = 0; ink < 3; ++ink)
      *rgb++ = static_cast<uint8_t>(((cmyk[ink] ^ flip) * (cmyk[3] ^ flip) + 127) / 255);
}

// line: room for four bytes a pixel.
bool read_rows(JpegReader& reader, uint8_t* line, uint8_t* rgb) {
  if (setjmp(reader.leave) != 0) return false;
  jpeg_decompress_struct& jpeg = reader.jpeg;
  const bool inks = jpeg.jpeg_color_space == JCS_CMYK || jpeg.jpeg_color_space == JCS_YCCK;
  jpeg.out_color_space = inks ? JCS_CMYK : JCS_RGB;
  jpeg.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&jpeg);
  const size_t row = 3 * size_t{jpeg.output_width};
  while (jpeg.output_scanline < jpeg.output_height) {
    uint8_t* const to = rgb + row * jpeg.output_scanline;
    JSAMPROW rows[1] = {inks ? line : to};
    jpeg_read_scanlines(&jpeg, rows, 1);
    if (inks) mix_inks(reader, line, jpeg.output_width, to);
  }
  jpeg_finish_decompress(&jpeg);
  return true;
}

Result<DecodedPicture> read_with(JpegReader& reader, std::span<const std::byte> file, const PictureLimits& limits) {
  const auto damaged = [&] { return error(Status::kMalformed, "a damaged JPEG file: %s", reader.problem); };
  DecodedPicture decoded;
  Picture& picture = decoded.picture;
  if (!read_header(reader, file, decoded)) return damaged();
  PUMICE_TRY(check_picture(picture.size, limits));
  picture.rgb.resize(3 * picture.size.pixels());
  std::vector<uint8_t> line(4 * size_t{picture.size.width});
  if (!read_rows(reader, line.data(), picture.rgb.data())) return damaged();
  return decoded;
}

}  // namespace

Result<DecodedPicture> read_jpeg(std::span<const std::byte> file, const PictureLimits& limits) {
  JpegReader reader{};
  reader.jpeg.err = jpeg_std_error(&reader.errors);
  reader.errors.error_exit = fail;
  reader.errors.emit_message = warn;
  reader.progress.progress_monitor = count_scans;
  reader.jpeg.client_data = &reader;
  Result<DecodedPicture> result = read_with(reader, file, limits);
  jpeg_destroy_decompress(&reader.jpeg);
  return result;
}
#else
Result<DecodedPicture> read_jpeg(std::span<const std::byte>, const PictureLimits&) {
  return error(Status::kUnsupported, "this build reads no JPEG files; build with libjpeg");
}
#endif

}  // namespace pumice
