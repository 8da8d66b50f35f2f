// expert_tiles: every row in a tile of its expert, in as few tiles as can be, whatever the rows choose.
#include "kernels/expert_tiles.h"

#include <map>

#include "reference/expert_tiles.h"
#include "support/device_fixture.h"

namespace pumice::test::expert_tiles_test {

class ExpertTilesTest : public DeviceTest {
 protected:
  void check(const std::vector<uint32_t>& chosen, uint32_t experts, uint32_t size) {
    SCOPED_TRACE(::testing::Message() << chosen.size() << " rows, " << experts << " experts, tiles of " << size);
    const auto rows = static_cast<uint32_t>(chosen.size());
    std::vector<uint32_t> choices;
    for (const uint32_t expert : chosen) choices.push_back(expert), choices.push_back(0);
    const vk::BufferView tiles = words(expert_tiles_bytes(rows, experts, size) / 4);
    run([&](Recorder recorder) {
      expert_tiles(recorder,
                   {.choices = buffer(choices), .tiles = tiles, .rows = rows, .experts = experts, .size = size});
    });
    const auto made = read<uint32_t>(tiles);
    const auto expected = reference::expert_tiles(chosen, experts, size);
    std::map<uint32_t, std::multiset<uint32_t>> rows_of, wanted_rows_of;
    for (size_t t = 0; t < made.size() / (1 + size); ++t) {
      const auto tile = std::span(made).subspan(t * (1 + size), 1 + size);
      if (t >= expected.size()) {
        EXPECT_EQ(tile[0], kNoRow) << t;
        continue;
      }
      EXPECT_EQ(tile[0], expected[t].expert) << t;
      size_t filled = 0;
      for (const uint32_t row : tile.subspan(1))
        if (row != kNoRow) rows_of[tile[0]].insert(row), ++filled;
      EXPECT_EQ(filled, expected[t].rows.size()) << t;
      wanted_rows_of[expected[t].expert].insert(expected[t].rows.begin(), expected[t].rows.end());
    }
    EXPECT_LE(expected.size(), made.size() / (1 + size));
    EXPECT_EQ(rows_of, wanted_rows_of);
    drop_buffers();
  }

  static std::vector<uint32_t> random_choices(uint32_t rows, uint32_t experts) {
    Generator random(rows);
    std::vector<uint32_t> chosen;
    while (chosen.size() < rows) chosen.push_back(static_cast<uint32_t>(random.below(experts)));
    return chosen;
  }
};

TEST_F(ExpertTilesTest, SortsRowsByTheirExperts) {
  check({0}, 1, 1);
  check({3, 1, 3, 3, 0, 3}, 4, 2);
  check(std::vector<uint32_t>(50, 7), 8, 5);
  check(random_choices(1000, 8), 8, 16);
  check(random_choices(333, 512), 512, 4);
}

}  // namespace pumice::test::expert_tiles_test
