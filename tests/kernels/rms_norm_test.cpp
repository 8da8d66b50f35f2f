// rms_norm: rows of any length, also shorter than a workgroup and all zero.
#include "kernels/rms_norm.h"

#include "reference/numerics.h"
#include "reference/rms_norm.h"
#include "support/device_fixture.h"
#include "support/precision.h"

namespace pumice::test {
namespace {

struct RmsNormCase {
  uint32_t n, cols, x_stride, y_stride;
  float scale, eps;
};
constexpr RmsNormCase kCases[] = {{1, 1, 1, 1, 1, 1e-5f},
                                  {3, 7, 8, 9, 1, 1e-5f},
                                  {1, 64, 64, 64, 1000, 1e-6f},
                                  {17, 172, 172, 180, 1, 1e-5f},
                                  {2, 2049, 2050, 2049, 1e-3f, 1e-5f},
                                  {5, 33, 40, 33, 0, 1e-5f}};

class RmsNormTest : public DeviceTest {
 protected:
  void check(Mask mask, const RmsNormCase& c) {
    SCOPED_TRACE(::testing::Message() << mask_name(mask) << " " << c.n << " x " << c.cols);
    Generator random(c.cols);
    const auto x = random.normals(c.n * c.cols, 0, static_cast<double>(c.scale)), weight = random.normals(c.cols, 1);
    const FloatRows y = nan_rows(c.n, c.y_stride);
    run([&](Recorder recorder) {
      rms_norm(
          recorder,
          {.x = rows(x, c.cols, c.x_stride), .weight = buffer(weight), .y = y, .n = c.n, .cols = c.cols, .eps = c.eps});
    });
    const auto actual = read_rows(y, c.n, c.cols);
    // Half the relative error of the mean square (its sum has no cancellation), then three products.
    const double mean_square =
        reference::gamma_bound(reduce_chain(choose_reduce(caps()), c.cols) + 3, reference::Accumulator::kF32) +
        kDivision;
    const double relative = mean_square / 2 + kInverseSqrt + 4 * kRounding;
    const auto verdict =
        reference::compare(actual, reference::rms_norm(x, weight, c.eps), reference::kSmallestNormal, relative);
    EXPECT_TRUE(verdict) << verdict;
    auto wrong = weight;
    wrong[0] *= 1.001f;
    if (c.scale > 0) {
      EXPECT_FALSE(
          reference::compare(actual, reference::rms_norm(x, wrong, c.eps), reference::kSmallestNormal, relative));
    }
    drop_buffers();
  }
};

TEST_F(RmsNormTest, NormalisesRows) {
  for (const Mask mask : {Mask::kNone, Mask::kShared}) {
    use(mask);
    for (const RmsNormCase& c : kCases) check(mask, c);
  }
}

}  // namespace
}  // namespace pumice::test
