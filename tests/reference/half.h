// IEEE 754 binary16, by its definition: sign 1 bit, exponent 5 bits (bias 15), fraction 10 bits. Rounds to nearest,
// ties to even. A shader's packHalf2x16 may round otherwise (Vulkan leaves the mode to the driver unless it is asked
// for), so compare packed values with a tolerance of one unit in the last place. Thread rule: pure functions.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

namespace pumice::reference {

inline float half_to_float(uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const int fraction = bits & 1023;
  double value = 0.0;
  if (exponent == 31) {
    value = fraction == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  } else if (exponent == 0) {
    value = std::ldexp(static_cast<double>(fraction), -24);
  } else {
    value = std::ldexp(static_cast<double>(1024 + fraction), exponent - 25);
  }
  return static_cast<float>((bits & 0x8000u) != 0 ? -value : value);
}

inline uint16_t float_to_half(float input) {
  const uint32_t sign = std::signbit(input) ? 0x8000u : 0u;
  if (std::isnan(input)) return static_cast<uint16_t>(sign | 0x7e00u);
  const double size = std::fabs(static_cast<double>(input));
  if (size == 0.0) return static_cast<uint16_t>(sign);
  if (size >= 65520.0) return static_cast<uint16_t>(sign | 0x7c00u);  // half way from 65504 to 65536 and above
  int exponent = 0;
  std::frexp(size, &exponent);         // size = m * 2^exponent with m in [0.5, 1)
  if (exponent < -13) exponent = -13;  // subnormals share the exponent of the smallest normal number
  const int shift = 11 - exponent;     // units of 2^-shift: normal numbers become 1024..2048
  const auto units = static_cast<uint32_t>(std::nearbyint(std::ldexp(size, shift)));
  // A carry out of the fraction, and the step from subnormal to normal, are both an addition to the exponent field.
  return static_cast<uint16_t>(sign | (static_cast<uint32_t>(exponent + 13) * 1024u + units));
}

inline float round_to_half(float value) { return half_to_float(float_to_half(value)); }

}  // namespace pumice::reference
