// activation: silu and gelu, alone and gated, near zero and far beyond the range of exp.
#include "kernels/activation.h"

#include <algorithm>
#include <cmath>

#include "reference/activation.h"
#include "reference/numerics.h"
#include "support/device_fixture.h"
#include "support/precision.h"

namespace pumice::test::activation_test {

struct ActivationCase {
  Activation activation;
  bool gated;
  uint32_t n, cols, stride;
};
constexpr ActivationCase kCases[] = {{Activation::kSilu, false, 1, 1, 1},     {Activation::kSilu, true, 3, 129, 130},
                                     {Activation::kSilu, false, 5, 500, 512}, {Activation::kGelu, false, 2, 333, 333},
                                     {Activation::kGelu, true, 9, 65, 80},    {Activation::kGelu, true, 1, 2048, 2048}};

class ActivationTest : public DeviceTest {
 protected:
  void check(const ActivationCase& c) {
    SCOPED_TRACE(::testing::Message() << c.n << " x " << c.cols << " gelu " << static_cast<int>(c.activation));
    Generator random(c.cols);
    auto gate = random.normals(c.n * c.cols, 0, 3);
    const auto up = random.normals(c.n * c.cols);
    const float extremes[] = {-1000, 1000, -88.5f, -0.0f, -12, 12, 1e-30f, 90};
    for (size_t i = 0; i < std::size(extremes) && 7 * i < gate.size(); ++i) gate[7 * i] = extremes[i];
    const FloatRows up_rows = rows(up, c.cols, c.cols + 3), y = nan_rows(c.n, c.stride);
    run([&](Recorder recorder) {
      activation(recorder, {.gate = rows(gate, c.cols, c.stride),
                            .up = c.gated ? &up_rows : nullptr,
                            .y = y,
                            .n = c.n,
                            .cols = c.cols,
                            .activation = c.activation});
    });
    const auto kind = c.activation == Activation::kSilu ? reference::Activation::kSilu : reference::Activation::kGelu;
    const auto expected = c.gated ? reference::gated_activation(kind, gate, up) : reference::activation(kind, gate);
    const auto actual = read_rows(y, c.n, c.cols);
    const auto verdict = reference::compare_with(actual, expected, [&](size_t i) {
      const double x = gate[i], value = reference::activate(kind, x), by = c.gated ? std::fabs(up[i]) : 1.0f;
      return (kind == reference::Activation::kSilu ? silu_error(x, value) : gelu_error(x, value)) * by +
             2 * kRounding * std::fabs(value * by) + reference::kSmallestNormal;
    });
    EXPECT_TRUE(verdict) << verdict;
    const auto other =
        kind == reference::Activation::kSilu ? reference::Activation::kGelu : reference::Activation::kSilu;
    if (c.cols > 8) {
      EXPECT_FALSE(reference::compare(actual, reference::activation(other, gate), 1e-4, 1e-4));
    }
    drop_buffers();
  }
};

double plain_activation(Activation kind, double x, double limit) {
  switch (kind) {
    case Activation::kSoftcap:
      return limit * std::tanh(x / limit);
    case Activation::kSquaredRelu:
      return std::max(x, 0.0) * std::max(x, 0.0);
    case Activation::kClip:
      return std::clamp(x, -limit, limit);
    case Activation::kRange:
      return std::clamp(x, -0.5, limit);
    case Activation::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::kGeluErf:
      return reference::gelu_erf(x);
    case Activation::kGeluQuick:
      return x / (1 + std::exp(-1.702 * x));
    case Activation::kSoftplus:
      return std::log1p(std::exp(x));
    case Activation::kSoftplus2:
      return std::log2(1 + std::exp2(x));
    case Activation::kLimited:
      return std::min(x, limit) / (1 + std::exp(-std::min(x, limit)));
    default:
      return std::max(x, 0.0);
  }
}

TEST_F(ActivationTest, OtherKinds) {
  const auto x = Generator(6).normals(300, 0, 20);
  using enum Activation;
  for (const Activation kind : {kSquaredRelu, kSoftcap, kClip, kSigmoid, kSoftplus, kRelu, kGeluErf, kGeluQuick,
                                kSoftplus2, kLimited, kRange}) {
    SCOPED_TRACE(static_cast<int>(kind));
    constexpr float kLimit = 30;
    const FloatRows y = nan_rows(1, 300);
    run([&](Recorder recorder) {
      activation(recorder, {.gate = rows(x, 300, 300),
                            .y = y,
                            .n = 1,
                            .cols = 300,
                            .activation = kind,
                            .limit = kLimit,
                            .lowest = -0.5f});
    });
    std::vector<float> expected;
    for (const float value : x)
      expected.push_back(static_cast<float>(plain_activation(kind, static_cast<double>(value), kLimit)));
    const auto actual = read_rows(y, 1, 300);
    const auto verdict = reference::compare(actual, expected, kLimit * 0x1p-20, 0x1p-22);
    EXPECT_TRUE(verdict) << verdict;
    EXPECT_FALSE(reference::compare(actual, x, 1e-3, 1e-3));
    drop_buffers();
  }
}

// The difference from the cap's own rounding would show: it is 50 times that of the value.
TEST_F(ActivationTest, SoftCapKeepsTheDigitsOfSmallValues) {
  constexpr double kLimit = 50;
  const auto x = Generator(7).normals(500, 0, 1);
  const FloatRows y = nan_rows(1, 500);
  run([&](Recorder recorder) {
    activation(recorder, {.gate = rows(x, 500, 500),
                          .y = y,
                          .n = 1,
                          .cols = 500,
                          .activation = Activation::kSoftcap,
                          .limit = static_cast<float>(kLimit)});
  });
  std::vector<float> expected;
  for (const float value : x)
    expected.push_back(static_cast<float>(plain_activation(Activation::kSoftcap, static_cast<double>(value), kLimit)));
  const auto verdict = reference::compare(read_rows(y, 1, 500), expected, 0, 4 * kUlp);
  EXPECT_TRUE(verdict) << verdict;
}

// One value of the gate for several columns, from a column of the gate on.
TEST_F(ActivationTest, SharesTheGate) {
  constexpr uint32_t kRows = 3, kHeads = 4, kDim = 24, kFirst = 5;
  const auto gate = Generator(1).normals(kRows * (kFirst + kHeads)), up = Generator(2).normals(kRows * kHeads * kDim);
  const FloatRows up_rows = rows(up, kHeads * kDim, kHeads * kDim), y = nan_rows(kRows, kHeads * kDim);
  run([&](Recorder recorder) {
    activation(recorder, {.gate = rows(gate, kFirst + kHeads, kFirst + kHeads),
                          .up = &up_rows,
                          .y = y,
                          .n = kRows,
                          .cols = kHeads * kDim,
                          .activation = Activation::kSigmoid,
                          .gate_column = kFirst,
                          .gate_share = kDim});
  });
  std::vector<float> expected;
  for (uint32_t i = 0; i < up.size(); ++i) {
    const uint32_t row = i / (kHeads * kDim), head = i / kDim % kHeads;
    const double by = gate[row * (kFirst + kHeads) + kFirst + head];
    expected.push_back(static_cast<float>(static_cast<double>(up[i]) / (1 + std::exp(-by))));
  }
  const auto actual = read_rows(y, kRows, kHeads * kDim);
  const auto verdict = reference::compare(actual, expected, 0x1p-20, 0x1p-20);
  EXPECT_TRUE(verdict) << verdict;
  EXPECT_FALSE(reference::compare(actual, up, 1e-3, 1e-3));
}

TEST_F(ActivationTest, SiluAndGelu) {
  for (const ActivationCase& c : kCases) check(c);
}

}  // namespace pumice::test::activation_test
