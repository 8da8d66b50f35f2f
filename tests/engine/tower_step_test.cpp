// Image towers: rows beside the known answers of the optional data folder.
#include "engine/tower_step.h"

#include <cmath>

#include "engine/picture_sizes.h"
#include "support/device_fixture.h"
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
      const auto picture = VisionGoldens::picture(image);
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
