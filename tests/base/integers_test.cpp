// Overflow, against the compiler's own.
#include "base/integers.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pumice::integers_test {

// Powers of two of both signs, and their neighbours.
std::vector<int64_t> edges() {
  std::vector<int64_t> values;
  for (int shift = 0; shift < 64; ++shift)
    for (const uint64_t beside : {~uint64_t{0}, uint64_t{0}, uint64_t{1}}) {
      const uint64_t value = (uint64_t{1} << shift) + beside;
      values.insert(values.end(), {static_cast<int64_t>(value), static_cast<int64_t>(0 - value)});
    }
  return values;
}

TEST(Integers, OverflowIsTold) {
  int overflows = 0;
  const std::vector<int64_t> values = edges();
  for (const int64_t a : values)
    for (const int64_t b : values) {
      SCOPED_TRACE(std::to_string(a) + ", " + std::to_string(b));
      int64_t expected = 0, result = 0;
      overflows += __builtin_mul_overflow(a, b, &expected);
      EXPECT_EQ(multiply_overflows(a, b, result), __builtin_mul_overflow(a, b, &expected));
      EXPECT_EQ(result, expected);
      EXPECT_EQ(add_overflows(a, b, result), __builtin_add_overflow(a, b, &expected));
      EXPECT_EQ(result, expected);
      EXPECT_EQ(subtract_overflows(a, b, result), __builtin_sub_overflow(a, b, &expected));
      EXPECT_EQ(result, expected);
      const auto c = static_cast<uint64_t>(a), d = static_cast<uint64_t>(b);
      uint64_t expected_whole = 0, whole = 0;
      EXPECT_EQ(multiply_overflows(c, d, whole), __builtin_mul_overflow(c, d, &expected_whole));
      EXPECT_EQ(whole, expected_whole);
    }
  EXPECT_GT(overflows, 1000);
}

}  // namespace pumice::integers_test
