// rope: the frequencies that shaders take; the rotation itself is tested with kv_write.
#include "kernels/rope.h"

#include <gtest/gtest.h>

#include <numbers>

namespace pumice::test::rope_test {

TEST(RopeFrequencies, AreFractionsOfATurn) {
  const double turn = 2 * std::numbers::pi;
  EXPECT_EQ(rope_frequencies(std::vector{turn / 2}), (std::vector<uint32_t>{0, 0x80000000u}));
  EXPECT_EQ(rope_frequencies(std::vector{0.0, turn / 4}), (std::vector<uint32_t>{0, 0, 0, 0x40000000u}));
}

}  // namespace pumice::test::rope_test
