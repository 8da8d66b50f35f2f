#include "format/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>

namespace pumice::half_test {

// The value of a half by the definition of binary16.
double half_value(uint16_t half) {
  const int exponent = (half >> 10) & 31;
  const double fraction = half & 1023;
  const double sign = half & 0x8000 ? -1.0 : 1.0;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

bool is_half_nan(uint16_t half) { return (half & 0x7fff) > 0x7c00; }

TEST(Half, EveryPatternToFloat) {
  for (uint32_t i = 0; i < 65536; ++i) {
    const auto half = static_cast<uint16_t>(i);
    const float value = half_to_float(half);
    EXPECT_EQ(std::signbit(value), (half & 0x8000) != 0) << i;
    if (is_half_nan(half)) {
      EXPECT_TRUE(std::isnan(value)) << i;
    } else if ((half & 0x7c00) == 0x7c00) {
      EXPECT_TRUE(std::isinf(value)) << i;
    } else {
      EXPECT_EQ(static_cast<double>(value), half_value(half)) << i;
    }
  }
}

TEST(Half, EveryPatternThereAndBack) {
  for (uint32_t i = 0; i < 65536; ++i) {
    const auto half = static_cast<uint16_t>(i);
    const uint16_t expected = is_half_nan(half) ? static_cast<uint16_t>(half | 0x0200) : half;
    EXPECT_EQ(float_to_half(half_to_float(half)), expected) << i;
  }
}

// Between every two neighbouring halves: below, at and above the middle.
TEST(Half, RoundsToNearestEven) {
  for (uint16_t low = 0; low < 0x7bff; ++low) {
    const auto high = static_cast<uint16_t>(low + 1);
    const auto middle = static_cast<float>((half_value(low) + half_value(high)) / 2);  // exact: 12 bits
    const uint16_t even = low % 2 == 0 ? low : high;
    EXPECT_EQ(float_to_half(middle), even) << low;
    EXPECT_EQ(float_to_half(std::nextafter(middle, 0.0f)), low) << low;
    EXPECT_EQ(float_to_half(std::nextafter(middle, 1e9f)), high) << low;
    EXPECT_EQ(float_to_half(-middle), even | 0x8000) << low;
  }
}

TEST(Half, Extremes) {
  EXPECT_EQ(float_to_half(65504.0f), 0x7bff);
  EXPECT_EQ(float_to_half(std::nextafter(65520.0f, 0.0f)), 0x7bff);
  EXPECT_EQ(float_to_half(65520.0f), 0x7c00);
  EXPECT_EQ(float_to_half(-3e38f), 0xfc00);
  EXPECT_EQ(float_to_half(INFINITY), 0x7c00);
  EXPECT_TRUE(is_half_nan(float_to_half(NAN)));
  EXPECT_TRUE(is_half_nan(float_to_half(std::bit_cast<float>(0x7f800001u))));  // only low payload bits
  EXPECT_EQ(float_to_half(1e-45f), 0);
  EXPECT_EQ(float_to_half(-0.0f), 0x8000);
}

TEST(Bfloat16, EveryPatternThereAndBack) {
  for (uint32_t i = 0; i < 65536; ++i) {
    const auto bf16 = static_cast<uint16_t>(i);
    const float value = bf16_to_float(bf16);
    EXPECT_EQ(std::bit_cast<uint32_t>(value), i << 16);
    EXPECT_EQ(float_to_bf16(value), std::isnan(value) ? (bf16 | 0x40) : bf16) << i;
  }
}

TEST(Bfloat16, RoundsToNearestEven) {
  for (uint32_t low = 0; low < 0x7f80; ++low) {
    const uint32_t middle = low << 16 | 0x8000;
    const uint32_t even = low % 2 == 0 ? low : low + 1;
    EXPECT_EQ(float_to_bf16(std::bit_cast<float>(middle)), even) << low;
    EXPECT_EQ(float_to_bf16(std::bit_cast<float>(middle - 1)), low) << low;
    EXPECT_EQ(float_to_bf16(std::bit_cast<float>(middle + 1)), low + 1) << low;
  }
  EXPECT_TRUE(std::isnan(bf16_to_float(float_to_bf16(std::bit_cast<float>(0xff800001u)))));
}

}  // namespace pumice::half_test
