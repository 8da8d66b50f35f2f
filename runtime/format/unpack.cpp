// Reading the device layout back, value by value as quant_blocks.h describes it: a check on repack.cpp, so it shares
// nothing with it.
#include "format/device_layout.h"
#include "format/half.h"

namespace pumice {
namespace {

// One row of a plane, whose word w belongs to record w / record_words.
struct RowWords {
  std::span<const uint32_t> plane;
  uint64_t words_per_row;
  uint64_t row;
  uint64_t record_words;

  uint32_t word(uint64_t w) const {
    const uint64_t first = w / record_words * record_words, i = w % record_words, rest = record_words % 4;
    const uint64_t record = ((row / kRowInterleave) * words_per_row + first) * kRowInterleave;
    if (i < record_words - rest) return plane[record + (i / 4 * kRowInterleave + row % kRowInterleave) * 4 + i % 4];
    return plane[record + (record_words - rest) * kRowInterleave + row % kRowInterleave * rest + i % 4];
  }
  uint32_t half_bits(uint64_t w, uint32_t high) const { return (word(w) >> (16 * high)) & 0xffff; }
  float half(uint64_t w, uint32_t high) const { return half_to_float(static_cast<uint16_t>(half_bits(w, high))); }
  uint32_t byte(uint64_t w, uint32_t i) const { return (word(w + i / 4) >> (8 * (i % 4))) & 0xff; }
};

// The quant of value i of the unit whose words begin at `w`.
int nibble(const RowWords& quants, uint64_t w, uint32_t i) {
  const uint32_t byte = quants.byte(w, i % 16);
  return static_cast<int>(i < 16 ? byte & 15 : byte >> 4);
}

int five_bits(const RowWords& quants, uint64_t w, uint32_t i) {
  return nibble(quants, w, i) | static_cast<int>((quants.word(w + 4) >> (i % 4 * 8 + i / 4)) & 1) << 4;
}

int six_bits(const RowWords& quants, uint64_t w, uint32_t i) {
  return nibble(quants, w, i) | static_cast<int>((quants.word(w + 4 + i / 16) >> (i % 4 * 8 + i % 16 / 4 * 2)) & 3)
                                    << 4;
}

float value_at(const DeviceLayout& layout, const RowWords& quants, const RowWords& scales, uint32_t unit, uint32_t i) {
  const uint64_t w = uint64_t{unit} * layout.quant_words;
  const auto pair_scale = [&] { return scales.half(unit / 2, unit % 2); };
  const auto with_minimum = [&](int q) {  // Q4_K and Q5_K
    const uint64_t s = unit / 8 * 4;
    const auto six_bits = [&](uint64_t low, uint32_t first) {
      return (scales.word(low) >> (unit % 8 * 4) & 15) | (scales.word(s + 3) >> (first + unit % 8 * 2) & 3) << 4;
    };
    const float scale = scales.half(s, 0) * static_cast<float>(six_bits(s + 1, 0));
    return scale * static_cast<float>(q) - scales.half(s, 1) * static_cast<float>(six_bits(s + 2, 16));
  };
  switch (layout.weight_type) {
    case WeightType::kF32:
      return std::bit_cast<float>(quants.word(w + i));
    case WeightType::kF16:
      return quants.half(w + i / 2, i % 2);
    case WeightType::kBF16:
      return bf16_to_float(static_cast<uint16_t>(quants.half_bits(w + i / 2, i % 2)));
    case WeightType::kQ8_0:
      return pair_scale() * static_cast<float>(static_cast<int8_t>(quants.byte(w, i)));
    case WeightType::kQ4_0:
      return pair_scale() * static_cast<float>(nibble(quants, w, i) - 8);
    case WeightType::kQ5_0:
      return pair_scale() * static_cast<float>(five_bits(quants, w, i) - 16);
    case WeightType::kQ4_1:
      return scales.half(unit, 0) * static_cast<float>(nibble(quants, w, i)) + scales.half(unit, 1);
    case WeightType::kQ5_1:
      return scales.half(unit, 0) * static_cast<float>(five_bits(quants, w, i)) + scales.half(unit, 1);
    case WeightType::kQ4_K:
      return with_minimum(nibble(quants, w, i));
    case WeightType::kQ5_K:
      return with_minimum(five_bits(quants, w, i));
    case WeightType::kQ6_K:
      break;
  }
  const uint64_t s = unit / 8 * 5;
  const auto factor = static_cast<int8_t>(scales.byte(s, unit % 8 * 2 + i / 16));
  const float scale = scales.half(s + 4, 0) * static_cast<float>(factor);
  return scale * static_cast<float>(six_bits(quants, w, i) - 32);
}

}  // namespace

void unpack_row(const DeviceLayout& layout, std::span<const uint32_t> quant_plane,
                std::span<const uint32_t> scale_plane, uint64_t row, std::span<float> values) {
  PUMICE_CHECK(values.size() == layout.cols);
  PUMICE_CHECK(quant_plane.size() >= layout.quant_plane_words(row + 1));
  PUMICE_CHECK(scale_plane.size() >= layout.scale_plane_words(row + 1));
  const RowWords quants{quant_plane, layout.quant_words_per_row, row, layout.quant_words};
  const WeightTypeInfo& words = kWeightLayouts[static_cast<uint32_t>(layout.weight_type)];
  const RowWords scales{scale_plane, layout.scale_words_per_row, row, words.scale_words};
  for (uint64_t v = 0; v < values.size(); ++v)
    values[v] = value_at(layout, quants, scales, static_cast<uint32_t>(v / kUnitValues),
                         static_cast<uint32_t>(v % kUnitValues));
}

}  // namespace pumice
