// The 12 scale bytes of Q4_K and Q5_K: 8 scales and 8 minima of 6 bits each.
//
// Source: ggml's block definitions. Bytes 0..3 hold the low six bits of scales 0..3, bytes 4..7 those of minima 0..3;
// their top bit pairs are the upper bits of scales and minima 4..7, whose low nibbles lie in bytes 8..11 (scale low,
// minimum high).
#pragma once

#include <cstdint>

namespace pumice {

struct ScaleMin {
  int scale;
  int min;
};

inline ScaleMin k_scale_min(const uint8_t* bytes, int index) {
  if (index < 4) return {bytes[index] & 63, bytes[index + 4] & 63};
  const uint8_t low = bytes[index + 4];
  return {(low & 15) | (bytes[index - 4] >> 6) << 4, (low >> 4) | (bytes[index] >> 6) << 4};
}

}  // namespace pumice
