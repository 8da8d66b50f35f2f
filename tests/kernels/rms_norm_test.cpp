// rms_norm: rows of any length, also shorter than a workgroup and all zero; segments of rows in place; added to y.
#include "kernels/rms_norm.h"

#include "reference/numerics.h"
#include "reference/rms_norm.h"
#include "support/device_fixture.h"
#include "support/precision.h"

namespace pumice::test::rms_norm_test {

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

// Heads that lie between other columns, each with the same weight, in place.
TEST_F(RmsNormTest, NormalisesSegmentsInPlace) {
  constexpr uint32_t kRows = 3, kFirst = 5, kSegments = 4, kCols = 24, kAll = kFirst + kSegments * kCols + 7;
  const auto x = Generator(1).normals(kRows * kAll), weight = Generator(2).normals(kCols, 1);
  const FloatRows y = rows(x, kAll, kAll);
  run([&](Recorder recorder) {
    rms_norm(recorder, {.x = y,
                        .weight = buffer(weight),
                        .y = y,
                        .first_column = kFirst,
                        .n = kRows,
                        .segments = kSegments,
                        .cols = kCols,
                        .eps = 1e-5f});
  });
  std::vector<float> expected = x;
  for (uint32_t row = 0; row < kRows; ++row)
    for (uint32_t segment = 0; segment < kSegments; ++segment) {
      const auto at = std::span(expected).subspan(row * kAll + kFirst + segment * kCols, kCols);
      const auto normed = reference::rms_norm(at, weight, 1e-5f);
      std::copy(normed.begin(), normed.end(), at.begin());
    }
  const auto actual = read_rows(y, kRows, kAll);
  const auto verdict = reference::compare(actual, expected, reference::kSmallestNormal, 1e-5);
  EXPECT_TRUE(verdict) << verdict;
  EXPECT_FALSE(reference::compare(actual, x, reference::kSmallestNormal, 1e-5));
}

// Each head has a weight of its own.
TEST_F(RmsNormTest, NormalisesSegmentsWithTheirOwnWeights) {
  constexpr uint32_t kRows = 2, kSegments = 3, kCols = 20, kAll = kSegments * kCols;
  const auto x = Generator(9).normals(kRows * kAll), weight = Generator(10).normals(kAll, 1);
  const FloatRows y = rows(x, kAll, kAll);
  run([&](Recorder recorder) {
    rms_norm(recorder, {.x = y,
                        .weight = buffer(weight),
                        .by_segment = true,
                        .y = y,
                        .n = kRows,
                        .segments = kSegments,
                        .cols = kCols,
                        .eps = 1e-5f});
  });
  const auto expected_with = [&](bool own) {
    std::vector<float> expected;
    for (uint32_t i = 0; i < kRows * kSegments; ++i) {
      const auto by = std::span(weight).subspan(own ? i % kSegments * kCols : 0, kCols);
      const auto normed = reference::rms_norm(std::span(x).subspan(i * kCols, kCols), by, 1e-5f);
      expected.insert(expected.end(), normed.begin(), normed.end());
    }
    return expected;
  };
  const auto actual = read_rows(y, kRows, kAll);
  const auto verdict = reference::compare(actual, expected_with(true), reference::kSmallestNormal, 1e-5);
  EXPECT_TRUE(verdict) << verdict;
  EXPECT_FALSE(reference::compare(actual, expected_with(false), 1e-3, 1e-3));
}

TEST_F(RmsNormTest, CentredItIsALayerNorm) {
  constexpr uint32_t kRows = 3, kCols = 100;
  const auto x = Generator(6).normals(kRows * kCols, 2), weight = Generator(7).normals(kCols, 1);
  const auto bias = Generator(8).normals(kCols);
  const FloatRows y = nan_rows(kRows, kCols);
  run([&](Recorder recorder) {
    rms_norm(recorder, {.x = rows(x, kCols, kCols),
                        .weight = buffer(weight),
                        .bias = whole(bias),
                        .y = y,
                        .centred = true,
                        .n = kRows,
                        .cols = kCols,
                        .eps = 1e-5f});
  });
  std::vector<float> centred = x;
  for (uint32_t row = 0; row < kRows; ++row) {
    double mean = 0;
    for (uint32_t i = 0; i < kCols; ++i) mean += static_cast<double>(x[row * kCols + i]) / kCols;
    for (uint32_t i = 0; i < kCols; ++i) centred[row * kCols + i] -= static_cast<float>(mean);
  }
  std::vector<float> expected = reference::rms_norm(centred, weight, 1e-5f);
  for (size_t i = 0; i < expected.size(); ++i) expected[i] += bias[i % kCols];
  const auto actual = read_rows(y, kRows, kCols);
  const auto verdict = reference::compare(actual, expected, 1e-5, 1e-5);
  EXPECT_TRUE(verdict) << verdict;
  EXPECT_FALSE(reference::compare(actual, reference::rms_norm(x, weight, 1e-5f), 1e-2, 1e-2));
}

TEST_F(RmsNormTest, AddsToY) {
  constexpr uint32_t kRows = 2, kCols = 77;
  const auto x = Generator(3).normals(kRows * kCols), before = Generator(4).normals(kRows * kCols);
  const auto weight = Generator(5).normals(kCols, 1);
  const FloatRows y = rows(before, kCols, kCols);
  run([&](Recorder recorder) {
    rms_norm(recorder, {.x = rows(x, kCols, kCols),
                        .weight = buffer(weight),
                        .y = y,
                        .accumulate = true,
                        .n = kRows,
                        .cols = kCols,
                        .eps = 1e-5f});
  });
  std::vector<float> expected = reference::rms_norm(x, weight, 1e-5f);
  const auto actual = read_rows(y, kRows, kCols);
  EXPECT_FALSE(reference::compare(actual, expected, 1e-5, 1e-5));
  for (size_t i = 0; i < expected.size(); ++i) expected[i] += before[i];
  const auto verdict = reference::compare(actual, expected, 1e-5, 1e-5);
  EXPECT_TRUE(verdict) << verdict;
}

TEST_F(RmsNormTest, NormalisesRows) {
  for (const Mask mask : {Mask::kNone, Mask::kShared}) {
    use(mask);
    for (const RmsNormCase& c : kCases) check(mask, c);
  }
}

}  // namespace pumice::test::rms_norm_test
