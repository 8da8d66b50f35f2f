// softmax: scaled, over the first columns only, and where most exponents underflow.
#include "kernels/softmax.h"

#include <algorithm>
#include <cmath>

#include "reference/numerics.h"
#include "reference/softmax.h"
#include "support/device_fixture.h"
#include "support/precision.h"

namespace pumice::test {
namespace {

struct SoftmaxCase {
  uint32_t n, cols, valid, x_stride, y_stride;
  float scale;
  double deviation;
};
constexpr SoftmaxCase kCases[] = {{1, 1, 1, 1, 1, 1, 1},
                                  {3, 7, 5, 8, 9, 0.5f, 1},
                                  {17, 172, 172, 172, 180, 0.125f, 4},
                                  {2, 2049, 1000, 2050, 2049, 1, 30}};

class SoftmaxTest : public DeviceTest {
 protected:
  void check(Mask mask, const SoftmaxCase& c) {
    SCOPED_TRACE(::testing::Message() << mask_name(mask) << " " << c.n << " x " << c.cols);
    Generator random(c.cols);
    const auto x = random.normals(c.n * c.cols, 0, c.deviation);
    const FloatRows y = nan_rows(c.n, c.y_stride);
    run([&](Recorder recorder) {
      softmax(recorder,
              {.x = rows(x, c.cols, c.x_stride), .y = y, .n = c.n, .cols = c.cols, .valid = c.valid, .scale = c.scale});
    });
    const auto actual = read_rows(y, c.n, c.cols);
    const std::vector<uint32_t> valid(c.n, c.valid);
    const auto expected = reference::softmax(x, c.n, c.cols, c.scale, valid);
    double size = 0;
    for (const float value : x) size = std::max(size, std::fabs(static_cast<double>(value * c.scale)));
    const double gamma =
        reference::gamma_bound(reduce_chain(choose_reduce(caps()), c.cols) + 2, reference::Accumulator::kF32);
    // The argument errs by four roundings of at most `size`, here and in the sum. The sum is at least 1, and its terms'
    // errors of exp are weighted by e^d: their average is at most that of the term's own size or of the whole range.
    const auto allowed = [&](size_t i) {
      const double d = std::log(std::max(static_cast<double>(expected[i]), 1e-45));
      return static_cast<double>(expected[i]) *
                 (exp_error(d) + exp_error(2 * size) + gamma + 8 * size * kRounding + kDivision + 2 * kUlp) +
             reference::kSmallestNormal;
    };
    const auto verdict = reference::compare_with(actual, expected, allowed);
    EXPECT_TRUE(verdict) << verdict;
    if (c.cols > 1) {
      const auto wrong = reference::softmax(x, c.n, c.cols, c.scale * 1.001f, valid);
      EXPECT_FALSE(reference::compare_with(actual, wrong, allowed));
    }
    drop_buffers();
  }
};

TEST_F(SoftmaxTest, RowsAddUpToOne) {
  for (const Mask mask : {Mask::kNone, Mask::kShared}) {
    use(mask);
    for (const SoftmaxCase& c : kCases) check(mask, c);
  }
}

}  // namespace
}  // namespace pumice::test
