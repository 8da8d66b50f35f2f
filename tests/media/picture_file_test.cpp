// Picture files: pixels as other programs read them, orientation, and files that are damaged, cut or too large.
#include "media/picture_file.h"

#include <gtest/gtest.h>

#include "media/picture_codecs.h"
#include "support/picture_samples.h"

namespace pumice::test::picture_file_test {

template <size_t kCount>
std::span<const std::byte> bytes_of(const uint8_t (&sample)[kCount]) {
  return std::as_bytes(std::span(sample));
}

// Of the sample pictures.
std::vector<uint8_t> colours(uint32_t width, uint32_t height) {
  std::vector<uint8_t> rgb;
  for (uint32_t y = 0; y < height; ++y)
    for (uint32_t x = 0; x < width; ++x)
      for (const uint32_t value : {50 * x + 7 * y, 80 * y, 31 * x * y + 40}) rgb.push_back(static_cast<uint8_t>(value));
  return rgb;
}

std::vector<uint8_t> turned_colours() {
  std::vector<uint8_t> rgb;
  const std::vector<uint8_t> upright = colours(5, 3);
  for (size_t x = 0; x < 5; ++x)
    for (size_t y = 3; y-- > 0;)
      rgb.insert(rgb.end(), upright.begin() + static_cast<ptrdiff_t>(3 * (5 * y + x)),
                 upright.begin() + static_cast<ptrdiff_t>(3 * (5 * y + x) + 3));
  return rgb;
}

// Skips where the build does not read the format.
#define READ_OR_SKIP(name, sample)                                                         \
  const Result<Picture> name = read_picture(bytes_of(sample));                             \
  if (!name.ok() && name.error().message.find("this build reads no") != std::string::npos) \
    GTEST_SKIP() << name.error().message;                                                  \
  ASSERT_TRUE(name.ok()) << name.error().message

void expect_picture(const Picture& picture, uint32_t width, uint32_t height, const std::vector<uint8_t>& rgb) {
  EXPECT_EQ(picture.size, (PictureSize{width, height}));
  EXPECT_EQ(picture.rgb, rgb);
}

TEST(PictureFileTest, PngOfEveryKindIsReadExactly) {
  READ_OR_SKIP(colour, kPngColour);
  expect_picture(*colour, 5, 3, colours(5, 3));
  READ_OR_SKIP(alpha, kPngAlpha);
  expect_picture(*alpha, 5, 3, colours(5, 3));
  READ_OR_SKIP(interlaced, kPngInterlaced);
  expect_picture(*interlaced, 2, 2, colours(2, 2));
  READ_OR_SKIP(grey, kPngGrey16);
  std::vector<uint8_t> rgb;
  for (const uint8_t value : std::initializer_list<uint8_t>{0x01, 0x02, 0x03, 0x44, 0x55, 0xff})
    rgb.insert(rgb.end(), 3, value);
  expect_picture(*grey, 3, 2, rgb);
}

TEST(PictureFileTest, OrientationIsObeyed) {
  READ_OR_SKIP(png, kPngTurned);
  expect_picture(*png, 3, 5, turned_colours());
  READ_OR_SKIP(webp, kWebpTurned);
  expect_picture(*webp, 3, 5, turned_colours());
}

TEST(PictureFileTest, WebpIsReadExactlyAndAnimationsAreRefused) {
  READ_OR_SKIP(webp, kWebpLossless);
  expect_picture(*webp, 5, 3, colours(5, 3));
  const auto animated = read_picture(bytes_of(kWebpAnimated));
  ASSERT_FALSE(animated.ok());
  EXPECT_NE(animated.error().message.find("animated"), std::string::npos);
}

// Left half and right half, upright or turned so that they lie above one another.
void expect_halves(const Picture& picture, bool turned, int tolerance) {
  ASSERT_EQ(picture.size, (turned ? PictureSize{8, 16} : PictureSize{16, 8}));
  const int halves[2][3] = {{200, 30, 40}, {10, 60, 220}};
  for (uint32_t y = 0; y < picture.size.height; ++y)
    for (uint32_t x = 0; x < picture.size.width; ++x)
      for (uint32_t c = 0; c < 3; ++c)
        ASSERT_NEAR(picture.rgb[3 * (y * picture.size.width + x) + c], halves[(turned ? y : x) >= 8][c], tolerance)
            << x << ", " << y << ", " << c;
}

TEST(PictureFileTest, JpegOfEveryKindIsReadAlmostExactly) {
  READ_OR_SKIP(turned, kJpeg);
  expect_halves(*turned, true, 3);
  READ_OR_SKIP(progressive, kJpegProgressive);
  expect_halves(*progressive, false, 3);
  READ_OR_SKIP(inks, kJpegInks);
  expect_halves(*inks, false, 6);
}

TEST(PictureFileTest, EveryOrientationTurnsAsExifSays) {
  // a b c
  // d e f
  const auto picture = [](PictureSize size, std::string_view letters) {
    Picture made{size, {}};
    for (const char letter : letters) made.rgb.insert(made.rgb.end(), 3, static_cast<uint8_t>(letter));
    return made;
  };
  const Picture source = picture({3, 2}, "abcdef");
  const std::string_view expected[] = {"abcdef", "abcdef", "cbafed", "fedcba", "defabc",
                                       "adbecf", "daebfc", "fcebda", "cfbead", "abcdef"};
  for (uint32_t orientation = 0; orientation < 10; ++orientation) {
    const bool turned = orientation >= 5 && orientation <= 8;
    const Picture result = upright(source, orientation);
    const Picture wanted = picture(turned ? PictureSize{2, 3} : PictureSize{3, 2}, expected[orientation]);
    EXPECT_EQ(result.size, wanted.size) << orientation;
    EXPECT_EQ(result.rgb, wanted.rgb) << orientation;
  }
}

TEST(PictureFileTest, ExifThatMakesNoSenseMeansUpright) {
  const uint8_t low[] = {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 8, 0, 0, 0};
  EXPECT_EQ(exif_orientation(bytes_of(low)), 8u);
  for (size_t size = 0; size < 20; ++size) EXPECT_EQ(exif_orientation(bytes_of(low).first(size)), 1u) << size;
  for (const auto& [at, value] :
       {std::pair<size_t, uint8_t>{0, 'X'}, {2, 43}, {4, 255}, {10, 0x13}, {12, 4}, {18, 9}}) {
    uint8_t changed[sizeof low];
    std::copy(std::begin(low), std::end(low), changed);
    changed[at] = value;
    EXPECT_EQ(exif_orientation(bytes_of(changed)), 1u) << at;
  }
}

TEST(PictureFileTest, FilesThatEndEarlyAreRefused) {
  const std::span<const std::byte> samples[] = {bytes_of(kPngColour),       bytes_of(kPngGrey16),
                                                bytes_of(kWebpLossless),    bytes_of(kJpeg),
                                                bytes_of(kJpegProgressive), bytes_of(kJpegInks)};
  for (const auto sample : samples) {
    if (!read_picture(sample)) continue;  // a format that the build does not read
    for (size_t size = 0; size < sample.size(); ++size) {
      // The two bytes that end a JPEG file are no part of the picture, nor is what pads a WebP file.
      const bool whole = size + 2 >= sample.size();
      EXPECT_TRUE(whole || !read_picture(sample.first(size)).ok()) << size << " of " << sample.size();
    }
  }
}

TEST(PictureFileTest, LimitsHoldBeforeAnythingIsDecoded) {
  READ_OR_SKIP(small, kPngColour);
  const auto file = bytes_of(kPngColour);
  const auto refused = [&](const PictureLimits& limits, const char* says) {
    const auto result = read_picture(file, limits);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().status, Status::kUnsupported);
    EXPECT_NE(result.error().message.find(says), std::string::npos) << result.error().message;
  };
  refused({.bytes = file.size() - 1}, "bytes");
  refused({.pixels = 14}, "it may have 14 in all");
  refused({.side = 4}, "the longest side may have 4");
  EXPECT_TRUE(read_picture(file, {.bytes = file.size(), .pixels = 15, .side = 5}).ok());
  // A header that promises 16,000 x 16,000 pixels: refused by its size, not by its missing pixels.
  std::vector<std::byte> large(file.begin(), file.end());
  large[18] = large[22] = std::byte{0x3e};
  const auto result = read_picture(large);
  ASSERT_FALSE(result.ok());
}

TEST(PictureFileTest, OtherFormatsAreNamed) {
  const auto message = [](std::string_view text) {
    const auto result = read_picture(std::as_bytes(std::span(text)));
    return result.ok() ? "" : result.error().message;
  };
  EXPECT_NE(message("GIF89a.......").find("GIF"), std::string::npos);
  EXPECT_NE(message("BM...........").find("BMP"), std::string::npos);
  EXPECT_NE(message("....ftypheic..").find("HEIF"), std::string::npos);
  EXPECT_NE(message("hello").find("not a picture"), std::string::npos);
  EXPECT_NE(message("").find("not a picture"), std::string::npos);
}

}  // namespace pumice::test::picture_file_test
