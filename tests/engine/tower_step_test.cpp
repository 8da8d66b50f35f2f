// Image towers: rows beside an independent reference, and beside the known answers of the optional data folder.
#include "engine/tower_step.h"

#include <algorithm>
#include <cmath>

#include "base/mapped_file.h"
#include "engine/picture_sizes.h"
#include "media/picture_file.h"
#include "reference/tower.h"
#include "support/device_fixture.h"
#include "support/slice.h"
#include "support/tower_model.h"
#include "support/vision_goldens.h"

namespace pumice::test::tower_step_test {

using Json = nlohmann::json;

class TowerStepTest : public DeviceTest {
 protected:
  // The largest difference of the rows whose values are known.
  static double difference(const Json& expected, std::span<const float> rows, size_t width) {
    const Json& right = expected.contains("class_first") ? expected["class_first"] : expected;
    const auto first = right["first_row"].get<std::vector<double>>();
    const auto last = right["last_row"].get<std::vector<double>>();
    double worst = 0;
    for (size_t i = 0; i < first.size(); ++i) {
      worst = std::max(worst, std::fabs(first[i] - static_cast<double>(rows[i])));
      worst = std::max(worst, std::fabs(last[i] - static_cast<double>(rows[rows.size() - width + i])));
    }
    return worst;
  }
};

Result<Picture> read_golden(const std::string& image) {
  PUMICE_ASSIGN(const MappedFile file, MappedFile::open(VisionGoldens::picture_path(image)));
  return read_picture(file.bytes());
}

Picture noise(PictureSize size, uint64_t seed) { return {size, noise_pixels(3 * size.pixels(), seed)}; }

// Sizes whose windows and squares are cut at the edges.
TEST_F(TowerStepTest, RowsAreThoseOfTheReference) {
  struct Case {
    const char* projector;
    PictureSize size;
  };
  for (const auto& [projector, size] : slice_of({Case{"gemma3", {16, 16}},
                                                 {"idefics3", {16, 16}},
                                                 {"mlp", {16, 16}},
                                                 {"qwen2vl_merger", {40, 24}},
                                                 {"qwen2.5vl_merger", {136, 16}},
                                                 {"qwen3vl_merger", {24, 40}},
                                                 {"pixtral", {32, 24}},
                                                 {"gemma4v", {36, 24}}})) {
    SCOPED_TRACE(projector);
    const std::vector<std::byte> bytes = make_tower_model({.projector = projector, .seed = 7});
    const auto file = Gguf::from_memory(bytes);
    ASSERT_TRUE(file.ok()) << file.error().message;
    const auto tower = Tower::load(kernels(), *file, 64);
    ASSERT_TRUE(tower.ok()) << tower.error().message;
    TowerStep step(*tower);
    const Picture picture = noise(size, 5);
    const auto rows = step.run(picture);
    ASSERT_TRUE(rows.ok()) << rows.error().message;
    const reference::Matrix expected = reference::TowerReference(*file, projector).encode(picture);
    const size_t width = tower->spec().row_width();
    ASSERT_EQ(rows->size(), expected.size() * width);
    double worst = 0, largest = 0;
    for (size_t i = 0; i < rows->size(); ++i) {
      worst = std::max(worst, std::fabs(static_cast<double>((*rows)[i]) - expected[i / width][i % width]));
      largest = std::max(largest, std::fabs(expected[i / width][i % width]));
    }
    EXPECT_LT(worst, 1e-4) << "of " << largest;
    EXPECT_GT(largest, 0.1);
  }
}

TEST_F(TowerStepTest, FilesThatContradictThemselvesAreRefused) {
  const auto refused = [&](const TowerModel& model, uint32_t text_width, const char* says) {
    const std::vector<std::byte> bytes = make_tower_model(model);
    const auto file = Gguf::from_memory(bytes);
    ASSERT_TRUE(file.ok());
    const auto tower = Tower::load(kernels(), *file, text_width);
    ASSERT_FALSE(tower.ok());
    EXPECT_NE(tower.error().message.find(says), std::string::npos) << tower.error().message;
  };
  refused({.projector = "mlp"}, 96, "the language model has 96");
  refused({.projector = "ultravox"}, 64, "projector \"ultravox\" is not supported");
  refused({.projector = "gemma3", .image_size = 18}, 64, "cannot be cut into squares");
}

// The peer rounds patches and GELU to 16 bits.
TEST_F(TowerStepTest, RowsAreThoseOfThePeer) {
  for (const std::string name : kVisionModels) {
    SCOPED_TRACE(name);
    const auto goldens = VisionGoldens::open(name);
    if (!goldens) GTEST_SKIP() << "no optional test data in " << PUMICE_SHARED_DIR;
    const auto file = Gguf::open(goldens->tower_path());
    ASSERT_TRUE(file.ok()) << file.error().message;
    const auto tower = Tower::load(kernels(), *file, 64);
    ASSERT_TRUE(tower.ok()) << tower.error().message;
    TowerStep step(*tower);
    for (const auto& [image, expected] : goldens->json()["images"].items()) {
      const auto picture = read_golden(image);
      ASSERT_TRUE(picture.ok()) << picture.error().message;
      const std::vector<PicturePart> parts = prepare_picture(tower->spec(), *picture, {});
      ASSERT_EQ(parts.size(), expected["pictures"].size());
      for (size_t i = 0; i < parts.size(); ++i) {
        const auto rows = step.run(parts[i].picture);
        ASSERT_TRUE(rows.ok()) << rows.error().message;
        EXPECT_LT(difference(expected["pictures"][i], *rows, tower->spec().row_width()),
                  name == "gemma4v" ? 0.01 : 0.005)
            << image << ", " << i;
      }
    }
  }
}

}  // namespace pumice::test::tower_step_test
