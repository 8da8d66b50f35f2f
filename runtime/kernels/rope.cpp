#include "kernels/rope.h"

#include <cmath>
#include <numbers>

namespace pumice {

std::vector<uint32_t> rope_frequencies(std::span<const double> radians_per_position) {
  std::vector<uint32_t> words;
  for (const double radians : radians_per_position) {
    const double turns = radians / (2 * std::numbers::pi);
    const double high = std::floor((turns - std::floor(turns)) * 0x1p32);
    const double low = std::floor(((turns - std::floor(turns)) * 0x1p32 - high) * 0x1p32);
    words.push_back(static_cast<uint32_t>(low));
    words.push_back(static_cast<uint32_t>(high));
  }
  return words;
}

}  // namespace pumice
