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

// The other way: all eight, each number of 0 to 63.
inline void put_scale_mins(const ScaleMin* pairs, uint8_t* bytes) {
  for (int i = 0; i < 4; ++i) {
    bytes[i] = static_cast<uint8_t>(pairs[i].scale | (pairs[i + 4].scale >> 4) << 6);
    bytes[i + 4] = static_cast<uint8_t>(pairs[i].min | (pairs[i + 4].min >> 4) << 6);
    bytes[i + 8] = static_cast<uint8_t>((pairs[i + 4].scale & 15) | (pairs[i + 4].min & 15) << 4);
  }
}

}  // namespace pumice
