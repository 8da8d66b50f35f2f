// Reading the device layout back, value by value as quant_blocks.h describes it: a check on repack.cpp, so it shares
// nothing with it.
#include "format/code_values.h"
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

// Of the types that have fewer: two bits in words 0 and 1, then one in word 2.
int three_bits(const RowWords& quants, uint64_t w, uint32_t i, bool third) {
  const uint32_t low = quants.word(w + i / 16) >> (i % 4 * 8 + i % 16 / 4 * 2) & 3;
  return static_cast<int>(low | (third ? quants.word(w + 2) >> (i % 4 * 8 + i / 4) & 1 : 0) << 2);
}

// What the scales of 16 values each are made of in the types whose records end with d.
struct Sixteenth {
  uint8_t byte;
  uint32_t d;
};
Sixteenth sixteenth_of(const RowWords& scales, uint32_t unit, uint32_t i) {
  const uint64_t s = unit / 8 * 5;
  return {static_cast<uint8_t>(scales.byte(s, unit % 8 * 2 + i / 16)), scales.word(s + 4)};
}
float signed_scale(const RowWords& scales, uint32_t unit, uint32_t i) {
  const Sixteenth s = sixteenth_of(scales, unit, i);
  return half_to_float(static_cast<uint16_t>(s.d)) * static_cast<float>(static_cast<int8_t>(s.byte));
}
float q2_k_value(const RowWords& scales, uint32_t unit, uint32_t i, int q) {
  const Sixteenth s = sixteenth_of(scales, unit, i);
  const float d = half_to_float(static_cast<uint16_t>(s.d)), dmin = half_to_float(static_cast<uint16_t>(s.d >> 16));
  return d * static_cast<float>(s.byte & 15) * static_cast<float>(q) - dmin * static_cast<float>(s.byte >> 4);
}
float six_bit_scale(const RowWords& scales, uint32_t unit) {
  const uint64_t s = unit / 8 * 2;
  const uint32_t u = unit % 8;
  const uint32_t biased = (scales.word(s + 1) >> (4 * u) & 15) | (scales.word(s) >> (16 + 2 * u) & 3) << 4;
  return scales.half(s, 0) * (static_cast<float>(biased) - 32);
}

// Of the types with codes of up to 4 bits that are not those of value_at.
float coded_value_at(WeightType type, const RowWords& quants, const RowWords& scales, uint32_t unit, uint32_t i) {
  const uint64_t w = uint64_t{unit} * quants.record_words;
  const int four = quants.record_words == 4 ? nibble(quants, w, i) : 0;
  const bool has_pairs = quants.record_words == 2 || quants.record_words == 3;
  const int three = has_pairs ? three_bits(quants, w, i, quants.record_words == 3) : 0;
  switch (type) {
    case WeightType::kMXFP4:
      return e8m0_half(static_cast<uint8_t>(scales.byte(unit / 4, unit % 4))) * static_cast<float>(kFp4Values[four]);
    case WeightType::kIQ4_NL:
      return scales.half(unit / 2, unit % 2) * static_cast<float>(kIq4Values[four]);
    case WeightType::kIQ4_XS:
      return six_bit_scale(scales, unit) * static_cast<float>(kIq4Values[four]);
    case WeightType::kIQ3_S:
      return six_bit_scale(scales, unit) * static_cast<float>(2 * four - 15);
    case WeightType::kIQ3_XXS:
      return 0.5f * six_bit_scale(scales, unit) * static_cast<float>(kIq3XxsValues[four]);
    case WeightType::kNVFP4: {
      const Sixteenth s = sixteenth_of(scales, unit, i);
      return std::bit_cast<float>(s.d) * (0.5f * e4m3_to_float(s.byte) * static_cast<float>(kFp4Values[four]));
    }
    case WeightType::kQ3_K:
      return signed_scale(scales, unit, i) * static_cast<float>(three - 4);
    case WeightType::kIQ2:
      return 0.125f * signed_scale(scales, unit, i) * static_cast<float>(kIq2Values[three]);
    case WeightType::kIQ1:
      return 0.125f * signed_scale(scales, unit, i) * static_cast<float>(kIq1Values[three]);
    case WeightType::kQ2_K:
      return q2_k_value(scales, unit, i, three);
    case WeightType::kQ2_0:
      return scales.half(unit / 4, unit / 2 % 2) * static_cast<float>(three - 1);
    default:
      break;
  }
  const bool set = (quants.word(w) >> (i % 4 * 8 + i / 4) & 1) != 0;  // Q1_0
  const float d = scales.half(unit / 8, unit / 4 % 2);
  return set ? d : -d;
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
      return signed_scale(scales, unit, i) * static_cast<float>(six_bits(quants, w, i) - 32);
    default:
      return coded_value_at(layout.weight_type, quants, scales, unit, i);
  }
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
