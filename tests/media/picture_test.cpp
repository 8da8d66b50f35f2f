// Sizes and resampling: known answers, and the pictures of the optional data folder, to the pixel.
#include "media/picture.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/mapped_file.h"
#include "media/picture_file.h"
#include "test_paths.h"

namespace pumice::test::picture_test {

Picture row_of(std::initializer_list<uint8_t> values) {
  Picture picture{{static_cast<uint32_t>(values.size()), 1}, {}};
  for (const uint8_t value : values) picture.rgb.insert(picture.rgb.end(), 3, value);
  return picture;
}

std::vector<int> reds(const Picture& picture) {
  std::vector<int> values;
  for (size_t i = 0; i < picture.rgb.size(); i += 3) values.push_back(picture.rgb[i]);
  return values;
}

// By hand: a = -1/2; halving has taps at 1/4, 3/4, 5/4, 7/4 on both sides, those beyond the edge are left out.
TEST(PictureTest, ResamplingFollowsItsFormula) {
  const Picture step = row_of({0, 0, 0, 0, 255, 255, 255, 255});
  EXPECT_EQ(reds(resample(step, {4, 1}, PictureFilter::kBilinear)), (std::vector<int>{0, 32, 223, 255}));
  EXPECT_EQ(reds(resample(step, {8, 1}, PictureFilter::kBicubic)), reds(step));
  EXPECT_EQ(reds(resample(row_of({10, 20}), {4, 1}, PictureFilter::kBilinear)), (std::vector<int>{10, 13, 18, 20}));
  EXPECT_EQ(resample(row_of({7}), {3, 5}, PictureFilter::kLanczos).rgb, std::vector<uint8_t>(45, 7));
}

TEST(PictureTest, ResamplingOfOneColourKeepsIt) {
  for (const auto filter : {PictureFilter::kBilinear, PictureFilter::kBicubic, PictureFilter::kLanczos})
    for (const PictureSize size : {PictureSize{1, 1}, {7, 300}, {131, 2}, {64, 48}}) {
      const Picture flat{{33, 57}, std::vector<uint8_t>(3 * 33 * 57, 201)};
      EXPECT_EQ(resample(flat, size, filter).rgb, std::vector<uint8_t>(3 * size.pixels(), 201));
    }
}

TEST(PictureTest, FittingKeepsTheRatioAndCentres) {
  const Picture fitted = fit({{2, 1}, {9, 9, 9, 9, 9, 9}}, {4, 5}, PictureFilter::kBilinear, {1, 2, 3});
  for (uint32_t y = 0; y < 5; ++y)
    for (uint32_t x = 0; x < 4; ++x) {
      const bool inside = y == 1 || y == 2;
      EXPECT_EQ(fitted.rgb[3 * (4 * y + x)], inside ? 9 : 1) << x << ", " << y;
      EXPECT_EQ(fitted.rgb[3 * (4 * y + x) + 2], inside ? 9 : 3) << x << ", " << y;
    }
}

TEST(PictureTest, SmartSizesStayWithinTheirLimits) {
  const SizeLimits qwen{.unit = 28, .least = 8, .most = 4096};
  EXPECT_EQ(smart_size({168, 112}, qwen), (PictureSize{168, 112}));
  EXPECT_EQ(smart_size({75, 141}, qwen), (PictureSize{84, 140}));
  EXPECT_EQ(smart_size({1, 1}, qwen), (PictureSize{84, 84}));
  EXPECT_EQ(smart_size({4000, 3000}, qwen), (PictureSize{2044, 1540}));
  for (const uint32_t unit : {14u, 28u, 48u})
    for (const auto& [least, most] : {std::pair{8u, 4096u}, {70u, 1120u}, {1u, 1u}, {5u, 5u}})
      for (const uint32_t a : {1u, 13u, 14u, 255u, 4000u, 16384u})
        for (const uint32_t b : {1u, 27u, 1023u, 16384u}) {
          const PictureSize size = smart_size({a, b}, {.unit = unit, .least = least, .most = most});
          ASSERT_TRUE(size.width % unit == 0 && size.height % unit == 0 && size.width > 0 && size.height > 0);
          const uint64_t tokens = size.pixels() / unit / unit;
          // Rounding up adds a row and a column at most.
          const double side = std::sqrt(static_cast<double>(least)) + 1;
          ASSERT_TRUE(tokens <= most || size.width == unit || size.height == unit ||
                      static_cast<double>(tokens) <= 64 * side * side)
              << a << " x " << b << ": " << size.width << " x " << size.height;
          ASSERT_LE(std::max(size.width, size.height), most * unit);
        }
}

TEST(PictureTest, TilesCoverTheLongerSide) {
  const TiledSizes wide = tiled_sizes({168, 112}, 112, 56);
  EXPECT_EQ(wide.first, (PictureSize{112, 74}));
  EXPECT_EQ(wide.grid, (PictureSize{112, 112}));
  const TiledSizes thin = tiled_sizes({1, 16384}, 2048, 512);
  EXPECT_EQ(thin.first, (PictureSize{1, 2048}));
  EXPECT_EQ(thin.grid, (PictureSize{512, 2048}));
  EXPECT_EQ(tiled_sizes({300, 300}, 111, 56).grid, (PictureSize{112, 112}));
}

// What each of the models of the data folder does with a picture.
struct Model {
  const char* name;
  enum { kFixed, kSmart, kTiled } sizing;
  PictureFilter filter;
  uint32_t size;  // kSmart: the unit
  uint32_t least = 8, most = 4096;
  PictureColour colour = {};
};
constexpr Model kModels[] = {{"gemma3", Model::kFixed, PictureFilter::kBilinear, 112},
                             {"idefics3", Model::kTiled, PictureFilter::kLanczos, 56},
                             {"mlp", Model::kFixed, PictureFilter::kBicubic, 56, 0, 0, {122, 116, 104}},
                             {"qwen2vl", Model::kSmart, PictureFilter::kBicubic, 28},
                             {"qwen2.5vl", Model::kSmart, PictureFilter::kBicubic, 28},
                             {"qwen3vl", Model::kSmart, PictureFilter::kBicubic, 32},
                             {"pixtral", Model::kSmart, PictureFilter::kBicubic, 14, 8, 1024},
                             {"pixtral-merge", Model::kSmart, PictureFilter::kBicubic, 28, 8, 1024},
                             {"gemma4v", Model::kSmart, PictureFilter::kBicubic, 48, 70, 1120}};

std::vector<Picture> prepare(const Picture& picture, const Model& model) {
  if (model.sizing == Model::kFixed) return {fit(picture, {model.size, model.size}, model.filter, model.colour)};
  if (model.sizing == Model::kSmart)
    return {fit(picture, smart_size(picture.size, {.unit = model.size, .least = model.least, .most = model.most}),
                model.filter, {})};
  const TiledSizes sizes = tiled_sizes(picture.size, 2 * model.size, model.size);
  const Picture grid = resample(resample(picture, sizes.first, model.filter), sizes.grid, model.filter);
  const PictureSize tile{model.size, model.size};
  std::vector<Picture> parts;
  for (uint32_t y = 0; y < grid.size.height; y += model.size)
    for (uint32_t x = 0; x < grid.size.width; x += model.size) parts.push_back(cut(grid, x, y, tile));
  parts.push_back(resample(grid, tile, model.filter));
  return parts;
}

std::string sha256(std::span<const uint8_t> bytes) {
  unsigned char digest[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(digest, bytes.data(), bytes.size());
  char text[2 * sizeof digest + 1];
  return sodium_bin2hex(text, sizeof text, digest, sizeof digest);
}

const std::string kFolder = PUMICE_SHARED_DIR "/models/golden/vision/";

Result<Picture> read_file(const std::string& name) {
  PUMICE_ASSIGN(const MappedFile file, MappedFile::open(kFolder + name));
  return read_picture(file.bytes());
}

nlohmann::json read_json(const std::string& name) {
  std::ifstream file(kFolder + name);
  return nlohmann::json::parse(file, nullptr, false);
}

TEST(PictureTest, PixelsAreThoseOfThePeer) {
  if (!read_json("images.json").is_object()) GTEST_SKIP() << "no optional test data in " << PUMICE_SHARED_DIR;
  for (const Model& model : kModels) {
    const nlohmann::json golden = read_json(model.name + std::string(".json"));
    for (const auto& [name, image] : golden["images"].items()) {
      const size_t dot = name.rfind('.');
      const auto picture = read_file(name.substr(dot) == ".jpg" ? name.substr(0, dot) + ".peer.png" : name);
      ASSERT_TRUE(picture.ok()) << name << ": " << picture.error().message;
      const std::vector<Picture> parts = prepare(*picture, model);
      ASSERT_EQ(parts.size(), image["pictures"].size()) << model.name << ", " << name;
      for (size_t i = 0; i < parts.size(); ++i)
        EXPECT_EQ(sha256(parts[i].rgb), image["pictures"][i]["u8_sha256"].get<std::string>())
            << model.name << ", " << name << ", " << i;
    }
  }
}

TEST(PictureTest, FilesAreReadAsThePeerDoes) {
  const nlohmann::json golden = read_json("images.json");
  if (!golden.is_object()) GTEST_SKIP() << "no optional test data in " << PUMICE_SHARED_DIR;
  for (const auto& [name, image] : golden.items()) {
    const auto picture = read_file(name);
    ASSERT_TRUE(picture.ok()) << name << ": " << picture.error().message;
    const bool turned = image.contains("upright");
    const nlohmann::json& size = turned ? image["upright"]["size"] : image["size"];
    EXPECT_EQ(picture->size, (PictureSize{size[0], size[1]})) << name;
    if (turned) {
      EXPECT_EQ(sha256(picture->rgb), image["upright"]["libjpeg_rgb_sha256"].get<std::string>()) << name;
    }
    if (image["libjpeg_max_difference"] == 0) {
      EXPECT_EQ(sha256(picture->rgb), image["peer_rgb_sha256"].get<std::string>()) << name;
    }
  }
}

}  // namespace pumice::test::picture_test
