// quantize: 8-bit units and scaled f16 rows against the reference, odd widths, strides, and extreme sizes.
#include "kernels/quantize.h"

#include <algorithm>
#include <cmath>

#include "format/half.h"
#include "reference/quantize.h"
#include "support/device_fixture.h"
#include "support/precision.h"

namespace pumice::test::quantize_test {

constexpr uint32_t kUnit = reference::kQuantizeUnit;

class QuantizeTest : public DeviceTest {
 protected:
  struct Quantized {
    std::vector<uint32_t> words;
    std::vector<float> scales;
  };
  Quantized quantized(QuantizedForm form, std::span<const float> x, uint32_t cols, uint32_t stride) {
    const auto n = static_cast<uint32_t>(x.size() / cols);
    const QuantizedRows y{.form = form,
                          .words = words(quantized_word_bytes(form, cols, n) / 4),
                          .scales = words(quantized_scale_bytes(form, cols, n) / 4)};
    const FloatRows from = rows(x, cols, stride);
    run([&](Recorder recorder) { quantize(recorder, {.x = from, .y = y, .cols = cols, .n = n}); });
    return {read<uint32_t>(y.words), read<float>(y.scales)};
  }
  void check_q8(std::span<const float> x, uint32_t cols, uint32_t stride);
  void check_f16(std::span<const float> x, uint32_t cols, uint32_t stride);
};

// A value's step may differ by one from the reference where x / d lies within the division's error of a half.
void QuantizeTest::check_q8(std::span<const float> x, uint32_t cols, uint32_t stride) {
  const Quantized got = quantized(QuantizedForm::kQ8, x, cols, stride);
  const uint32_t units = divide_up(cols, kUnit);
  for (size_t row = 0; row < x.size() / cols; ++row) {
    const auto expected = reference::quantize_q8(x.subspan(row * cols, cols));
    for (size_t u = 0; u < units; ++u) {
      const size_t at = row * units + u;
      const double scale = static_cast<double>(got.scales[2 * at]);
      EXPECT_NEAR(scale, expected[u].scale, expected[u].scale * 2 * kDivision + 1e-38);
      int sum = 0;
      for (size_t i = 0; i < kUnit; ++i) {
        const auto value = static_cast<int8_t>(got.words[at * 8 + i / 4] >> (8 * (i % 4)));
        const size_t col = u * kUnit + i;
        const double exact = col < cols ? static_cast<double>(x[row * cols + col]) : 0.0;
        const double steps = expected[u].scale > 0 ? exact / expected[u].scale : 0.0;
        EXPECT_NEAR(value, steps, 0.5 + 127 * 4 * kDivision) << "row " << row << ", column " << col;
        sum += value;
      }
      const double total = scale * sum;
      EXPECT_NEAR(static_cast<double>(got.scales[2 * at + 1]), total, std::fabs(total) * kUlp);
    }
  }
}

void QuantizeTest::check_f16(std::span<const float> x, uint32_t cols, uint32_t stride) {
  const Quantized got = quantized(QuantizedForm::kF16, x, cols, stride);
  const uint32_t padded = divide_up(cols, kUnit) * kUnit;
  for (size_t row = 0; row < x.size() / cols; ++row) {
    const auto values = x.subspan(row * cols, cols);
    const double scale = reference::row_scale_f16(values), top = reference::largest_size(values);
    EXPECT_EQ(static_cast<double>(got.scales[row]), scale);
    for (size_t i = 0; i < padded; ++i) {
      const size_t at = row * padded + i;
      const auto bits = static_cast<uint16_t>(got.words[at / 2] >> (16 * (at % 2)));
      const double value = static_cast<double>(half_to_float(bits)) * scale;
      const double exact = i < cols ? static_cast<double>(values[i]) : 0.0;
      // Rounded to nearest or towards zero; below 2^-14, which is 2^-28 of the largest, perhaps flushed to 0.
      EXPECT_NEAR(value, exact, std::fabs(exact) * 0x1p-10 + top * 0x1p-28) << "row " << row << ", column " << i;
    }
  }
}

TEST_F(QuantizeTest, OddWidths) {
  for (const uint32_t cols : {1u, 30u, 32u, 33u, 64u, 172u, 2080u}) {
    Generator random(cols);
    const auto x = random.normals(size_t{3} * cols);
    check_q8(x, cols, (cols + 3) / 4 * 4);
    check_f16(x, cols, (cols + 3) / 4 * 4 + 8);
  }
}

TEST_F(QuantizeTest, ExtremeSizes) {
  Generator random(7);
  auto x = random.normals(size_t{6} * 96);
  constexpr float kSizes[] = {1.0f, 7e4f, 3e37f, 1e-20f, 0.0f, 65504.0f};
  for (size_t i = 0; i < x.size(); ++i) x[i] *= kSizes[i / 96];
  check_q8(x, 96, 96);
  check_f16(x, 96, 96);
}

// Units of very different sizes in one row have scales of their own; one outlier leaves the other units exact.
TEST_F(QuantizeTest, AnOutlierStaysInItsUnit) {
  Generator random(8);
  auto x = random.normals(128);
  x[40] = 1e5f;
  check_q8(x, 128, 128);
  check_f16(x, 128, 128);
}

TEST_F(QuantizeTest, AnInfinityIsNotHidden) {
  auto x = Generator(9).normals(64);
  x[3] = INFINITY;
  const Quantized q8 = quantized(QuantizedForm::kQ8, x, 64, 64), f16 = quantized(QuantizedForm::kF16, x, 64, 64);
  EXPECT_FALSE(std::isfinite(q8.scales[0]));
  EXPECT_TRUE(std::isfinite(q8.scales[2]));
  EXPECT_EQ(f16.words[1] >> 16, 0x7c00u);
}

TEST_F(QuantizeTest, ADeviationIsSeen) {
  const auto x = Generator(10).normals(32);
  auto other = x;
  *std::max_element(other.begin(), other.end()) *= 2;
  EXPECT_GT(std::fabs(reference::quantize_q8(other)[0].scale / reference::quantize_q8(x)[0].scale - 1), 0.5);
  EXPECT_EQ(reference::row_scale_f16(other), 2 * reference::row_scale_f16(x));
}

}  // namespace pumice::test::quantize_test
