// combine: sums of weighted rows, alone and added to y.
#include "kernels/combine.h"

#include <bit>

#include "reference/combine.h"
#include "reference/numerics.h"
#include "support/device_fixture.h"

namespace pumice::test::combine_test {

class CombineTest : public DeviceTest {
 protected:
  void check(uint32_t n, uint32_t used, uint32_t cols, bool accumulate) {
    SCOPED_TRACE(::testing::Message() << n << " x " << cols << ", used " << used << ", accumulate " << accumulate);
    Generator random(cols);
    const auto x = random.normals(n * used * cols), weights = random.normals(n * used),
               before = random.normals(n * cols);
    std::vector<uint32_t> choices;
    for (const float weight : weights) choices.push_back(7), choices.push_back(std::bit_cast<uint32_t>(weight));
    const FloatRows y = accumulate ? rows(before, cols, cols) : nan_rows(n, cols);
    run([&](Recorder recorder) {
      combine(recorder, {.x = rows(x, cols, cols + 5),
                         .choices = buffer(choices),
                         .y = y,
                         .accumulate = accumulate,
                         .factor = 0.5f,
                         .n = n,
                         .used = used,
                         .cols = cols});
    });
    auto expected = reference::combine(x, weights, used, cols);
    for (size_t i = 0; i < expected.size(); ++i) expected[i] = 0.5f * expected[i] + (accumulate ? before[i] : 0.0f);
    const auto actual = read_rows(y, n, cols);
    const auto verdict = reference::compare(actual, expected, 1e-5, 1e-6);
    EXPECT_TRUE(verdict) << verdict;
    expected[0] += 1e-3f;
    EXPECT_FALSE(reference::compare(actual, expected, 1e-5, 1e-6));
    drop_buffers();
  }
};

TEST_F(CombineTest, AddsWeightedRows) {
  check(1, 2, 64, false);
  check(3, 1, 129, true);
  check(5, 8, 300, true);
}

}  // namespace pumice::test::combine_test
