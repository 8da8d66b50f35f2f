#include "kernels/rope.h"

#include <cmath>
#include <numbers>

namespace pumice {

std::vector<uint32_t> rope_frequencies(std::span<const double> radians_per_position, std::span<const RopeAxis> axes) {
  constexpr uint32_t kAxisBits = 3;
  std::vector<uint32_t> words;
  for (size_t pair = 0; pair < radians_per_position.size(); ++pair) {
    const double radians = radians_per_position[pair];
    const auto axis = axes.empty() ? 0 : static_cast<uint32_t>(axes[pair]);
    const double turns = radians / (2 * std::numbers::pi);
    const double high = std::floor((turns - std::floor(turns)) * 0x1p32);
    const double low = std::floor(((turns - std::floor(turns)) * 0x1p32 - high) * 0x1p32);
    words.push_back((static_cast<uint32_t>(low) & ~kAxisBits) | axis);
    words.push_back(static_cast<uint32_t>(high));
  }
  return words;
}

}  // namespace pumice
