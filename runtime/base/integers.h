// Small integer arithmetic.
#pragma once

#include <cstdint>

namespace pumice {

constexpr uint32_t divide_up(uint32_t value, uint32_t by) { return (value + by - 1) / by; }

// Arithmetic modulo 2^64; true: the exact result is another.
constexpr bool multiply_overflows(uint64_t a, uint64_t b, uint64_t& result) {
  result = a * b;
  return a != 0 && result / a != b;
}
constexpr bool multiply_overflows(int64_t a, int64_t b, int64_t& result) {
  result = static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  return (a == -1 && b == INT64_MIN) || (a != 0 && result / a != b);
}
constexpr bool add_overflows(int64_t a, int64_t b, int64_t& result) {
  result = static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  return ((a ^ result) & (b ^ result)) < 0;
}
constexpr bool subtract_overflows(int64_t a, int64_t b, int64_t& result) {
  result = static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
  return ((a ^ b) & (a ^ result)) < 0;
}

}  // namespace pumice
