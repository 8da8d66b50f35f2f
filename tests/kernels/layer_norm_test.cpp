// layer_norm: with and without bias, and around a mean that is large beside the deviation.
#include "kernels/layer_norm.h"

#include <cmath>

#include "reference/layer_norm.h"
#include "reference/numerics.h"
#include "support/device_fixture.h"
#include "support/precision.h"

namespace pumice::test {
namespace {

struct LayerNormCase {
  uint32_t n, cols, x_stride, y_stride;
  double mean;
  bool bias;
};
constexpr LayerNormCase kCases[] = {
    {3, 7, 8, 9, 0, true}, {1, 64, 64, 64, 1, false}, {17, 172, 172, 180, -3, true}, {2, 2049, 2050, 2049, 100, true}};

class LayerNormTest : public DeviceTest {
 protected:
  void check(Mask mask, const LayerNormCase& c) {
    SCOPED_TRACE(::testing::Message() << mask_name(mask) << " " << c.n << " x " << c.cols);
    constexpr float kEps = 1e-5f;
    Generator random(c.cols);
    const auto x = random.normals(c.n * c.cols, c.mean), weight = random.normals(c.cols, 1);
    const auto bias = c.bias ? random.normals(c.cols) : std::vector<float>{};
    const FloatRows y = nan_rows(c.n, c.y_stride);
    const vk::BufferView bias_view = buffer(bias);
    run([&](Recorder recorder) {
      layer_norm(recorder, {.x = rows(x, c.cols, c.x_stride),
                            .weight = buffer(weight),
                            .bias = c.bias ? &bias_view : nullptr,
                            .y = y,
                            .n = c.n,
                            .cols = c.cols,
                            .eps = kEps});
    });
    const auto actual = read_rows(y, c.n, c.cols);
    const auto expected = reference::layer_norm(x, weight, bias, kEps);
    // The mean errs by gamma * mean(|x|), which shifts every value alike (to the variance its effect is of second
    // order); the variance by gamma, the factor by half of that. Rows of normal numbers have a deviation near 1: at
    // least 0.5.
    const double gamma =
        reference::gamma_bound(reduce_chain(choose_reduce(caps()), c.cols) + 5, reference::Accumulator::kF32) +
        kDivision;
    const double shift = gamma * (std::fabs(c.mean) + 1) / 0.5, relative = gamma / 2 + kInverseSqrt + 4 * kRounding;
    const auto allowed = [&](size_t i) {
      const double w = std::fabs(weight[i % c.cols]), b = c.bias ? std::fabs(bias[i % c.cols]) : 0.0f;
      return w * shift + relative * (std::fabs(static_cast<double>(expected[i])) + b) + kRounding * b +
             reference::kSmallestNormal;
    };
    const auto verdict = reference::compare_with(actual, expected, allowed);
    EXPECT_TRUE(verdict) << verdict;
    auto wrong = weight;
    wrong[0] += 0.02f;
    EXPECT_FALSE(reference::compare_with(actual, reference::layer_norm(x, wrong, bias, kEps), allowed));
    drop_buffers();
  }
};

TEST_F(LayerNormTest, NormalisesRows) {
  for (const Mask mask : {Mask::kNone, Mask::kShared}) {
    use(mask);
    for (const LayerNormCase& c : kCases) check(mask, c);
  }
}

}  // namespace
}  // namespace pumice::test
