#include "format/block_factors.h"

#include <cmath>
#include <cstring>

#include "format/half.h"

namespace pumice {
namespace {

// Where the f16 factors lie: the first, and how many follow each other.
struct Halves {
  uint32_t first, count;
};

Halves halves_of(TensorType type) {
  switch (type) {
    case TensorType::kQ4_1:
    case TensorType::kQ5_1:
    case TensorType::kQ4_K:
    case TensorType::kQ5_K:
      return {0, 2};
    case TensorType::kQ2_K:
      return {80, 2};
    case TensorType::kQ3_K:
      return {108, 1};
    case TensorType::kQ6_K:
      return {208, 1};
    case TensorType::kTQ1_0:
      return {52, 1};
    case TensorType::kTQ2_0:
      return {64, 1};
    default:
      return {0, 1};
  }
}

uint8_t nearest_e4m3(float value) {
  uint8_t bits = 1;
  while (bits < 126 && e4m3_to_float(bits) < value) ++bits;
  return bits;
}

}  // namespace

uint32_t block_factors(TensorType type) {
  if (listed_type(type).block_values == 1) return 0;
  return type == TensorType::kNVFP4 ? 4 : halves_of(type).count;
}

void set_block_factor(TensorType type, std::byte* block, uint32_t which, float value) {
  const uint16_t half = float_to_half(value);
  if (type == TensorType::kMXFP4) {
    block[0] = static_cast<std::byte>(128 + std::lround(std::log2(value)));
  } else if (type == TensorType::kNVFP4) {
    block[which] = static_cast<std::byte>(nearest_e4m3(2 * value));
  } else if (type == TensorType::kIQ1_M) {  // a nibble at the top of each word of scales
    for (uint32_t w = 0; w < 4; ++w) {
      std::byte& top = block[49 + 2 * w];
      top = (top & std::byte{15}) | static_cast<std::byte>(half >> (4 * w) & 15) << 4;
    }
  } else {
    std::memcpy(block + halves_of(type).first + 2 * which, &half, sizeof half);
  }
}

}  // namespace pumice
