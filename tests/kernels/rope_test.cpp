// rope: both pairings, partial rotation, and positions where a float angle would be wrong by radians.
#include "kernels/rope.h"

#include "reference/numerics.h"
#include "reference/rope.h"
#include "support/device_fixture.h"
#include "support/precision.h"
#include "support/rope_reference.h"
#include "support/step_rows.h"

namespace pumice::test {
namespace {

struct RopeCase {
  uint32_t heads, head_dim, rotary, extra_stride;
  double base;
  RopePairs pairs;
};
constexpr RopeCase kCases[] = {
    {1, 2, 2, 0, 10000, RopePairs::kAdjacent},     {3, 64, 64, 5, 10000, RopePairs::kAdjacent},
    {3, 64, 64, 0, 500000, RopePairs::kHalves},    {7, 80, 32, 2, 10000, RopePairs::kHalves},
    {2, 96, 48, 0, 1000000, RopePairs::kAdjacent}, {5, 128, 128, 1, 10000, RopePairs::kHalves}};

class RopeTest : public DeviceTest {
 protected:
  void check(const RopeCase& c) {
    SCOPED_TRACE(::testing::Message() << c.heads << " x " << c.head_dim << ", rotary " << c.rotary);
    const std::vector<uint32_t> positions = {0, 1, 2, 31, 32, 4095, 65537, 131071, 131070};
    const auto n = static_cast<uint32_t>(positions.size()), cols = c.heads * c.head_dim;
    Generator random(cols);
    const auto x = random.normals(n * cols);
    const auto inverse = reference::inverse_frequencies(c.rotary, c.base);
    const FloatRows y = nan_rows(n, cols + c.extra_stride);
    run([&](Recorder recorder) {
      rope(recorder, {.x = rows(x, cols, cols + 3),
                      .frequencies = buffer(rope_frequencies(inverse)),
                      .step_rows = buffer(step_rows_at(positions)),
                      .y = y,
                      .n = n,
                      .heads = c.heads,
                      .head_dim = c.head_dim,
                      .rotary = c.rotary,
                      .pairs = c.pairs});
    });
    const auto rotated = [&](RopePairs pairs, uint32_t shift) {
      auto expected = x;
      for (uint32_t row = 0; row < n; ++row)
        reference::rope(std::span(expected).subspan(row * cols, cols), c.heads, c.head_dim, positions[row] + shift,
                        pairing_of(pairs), inverse);
      return expected;
    };
    const auto actual = read_rows(y, n, cols);
    const auto verdict = reference::compare(actual, rotated(c.pairs, 0), kRopeError);
    EXPECT_TRUE(verdict) << verdict;
    EXPECT_FALSE(reference::compare(actual, rotated(c.pairs, 1), kRopeError));
    const RopePairs other = c.pairs == RopePairs::kAdjacent ? RopePairs::kHalves : RopePairs::kAdjacent;
    if (c.rotary > 2) {
      EXPECT_FALSE(reference::compare(actual, rotated(other, 0), kRopeError));
    }
    drop_buffers();
  }
};

TEST_F(RopeTest, RotatesPairs) {
  for (const RopeCase& c : kCases) check(c);
}

TEST(RopeFrequencies, AreFractionsOfATurn) {
  const double turn = 2 * std::numbers::pi;
  EXPECT_EQ(rope_frequencies(std::vector{turn / 2}), (std::vector<uint32_t>{0, 0x80000000u}));
  EXPECT_EQ(rope_frequencies(std::vector{0.0, turn / 4}), (std::vector<uint32_t>{0, 0, 0, 0x40000000u}));
}

}  // namespace
}  // namespace pumice::test
