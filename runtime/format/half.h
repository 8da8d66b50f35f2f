// Small floats as bit patterns: IEEE 754 binary16 ("half", f16), bfloat16, and the scales of FP4 types.
//
// Narrowing rounds to nearest, ties to even; denormals, infinities and the sign of zero are kept; a NaN stays a NaN
// (quiet, with the upper payload bits). Thread rule: pure functions.
#pragma once

#include <bit>
#include <cstdint>

namespace pumice {

inline float half_to_float(uint16_t half) {
  const uint32_t sign = (half & 0x8000u) << 16;
  const uint32_t magnitude = half & 0x7fffu;
  if (magnitude >= 0x7c00u) {  // infinity, or a NaN made quiet
    const uint32_t quiet = magnitude > 0x7c00u ? 0x00400000u : 0u;
    return std::bit_cast<float>(sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13) | quiet);
  }
  if (magnitude < 0x0400u) {  // denormal: a multiple of 2^-24
    const float value = static_cast<float>(magnitude) * 0x1p-24f;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(value) | sign);
  }
  return std::bit_cast<float>(sign | ((magnitude << 13) + (112u << 23)));
}

// All cases are computed and one is chosen by masks, so that loops over it become vector code: where the compiler sees
// a choice it branches around the addition of floats, which might trap.
inline uint16_t float_to_half(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  const auto below = [magnitude](int32_t limit) {  // all ones or none
    return static_cast<uint32_t>((static_cast<int32_t>(magnitude) - limit) >> 31);
  };
  const uint32_t is_tiny = below(0x38800000);    // below 2^-14: adding 0.5 leaves the rounded multiple of 2^-24 in
  const uint32_t is_finite = below(0x477ff000);  // the low bits. From 65520, half-way beyond the range: infinity
  const uint32_t is_number = below(0x7f800001);
  const uint32_t tiny = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  const uint32_t normal = (magnitude - (112u << 23) + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  const uint32_t nan = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
  const uint32_t finite = (tiny & is_tiny) | (normal & ~is_tiny);
  const uint32_t number = (finite & is_finite) | (0x7c00u & ~is_finite);
  return static_cast<uint16_t>(sign | (number & is_number) | (nan & ~is_number));
}

inline float bf16_to_float(uint16_t bf16) { return std::bit_cast<float>(static_cast<uint32_t>(bf16) << 16); }

inline uint16_t float_to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

// E8M0, halved: 2^(exponent - 128).
inline float e8m0_half(uint8_t exponent) {
  if (exponent >= 2) return std::bit_cast<float>((exponent - 1u) << 23);
  return std::bit_cast<float>(0x00200000u << exponent);
}

// E4M3 whose sign is not looked at; its NaN is 0.
inline float e4m3_to_float(uint8_t bits) {
  const uint32_t magnitude = bits & 127u;
  if (magnitude == 127u) return 0.0f;
  if (magnitude < 8u) return static_cast<float>(magnitude) * 0x1p-9f;
  return std::bit_cast<float>((magnitude << 20) + (120u << 23));
}

}  // namespace pumice
