// Repacking into the device layout. Per group of 8 rows, a tile of a few units is put together in cache and then
// written in one run, so that the planes are written front to back, once.
#include <algorithm>
#include <cstring>

#include "format/dequantize.h"
#include "format/device_layout.h"
#include "format/half.h"

namespace pumice {
namespace {

using Bytes = const uint8_t*;

template <typename T>
T load(Bytes at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

// Of a tile of records of `count` words: the words of one row.
template <uint32_t count>
struct Lane {
  uint32_t* tile;
  uint32_t row;
  uint32_t& operator[](uint32_t w) const {
    constexpr uint32_t kQuads = count / 4, kRest = count % 4;
    uint32_t* record = tile + w / count * count * kRowInterleave;
    const uint32_t i = w % count;
    if (i < 4 * kQuads) return record[(i / 4 * kRowInterleave + row) * 4 + i % 4];
    return record[4 * kQuads * kRowInterleave + row * kRest + i % 4];
  }
};

template <uint32_t count, uint32_t record>
void copy_words(Bytes from, Lane<record> to, uint32_t first = 0) {
  for (uint32_t w = 0; w < count; ++w) to[first + w] = load<uint32_t>(from + 4 * w);
}

// A format names the GGUF bytes and the device words of one step (a whole number of units) and packs a step of a row.

template <uint32_t bytes>  // F32, F16, BF16: bytes of 32 values
struct PlainFormat {
  static constexpr uint32_t kStepBytes = bytes, kStepUnits = 1, kQuantWords = bytes / 4, kScaleWords = 0;
  static void pack(Bytes b, Lane<kQuantWords> quant, Lane<kScaleWords>) { copy_words<kQuantWords>(b, quant); }
};

// A word of which bit i belongs to value i, as a word of fifth bits. The multiplication moves bit k of four to bit 8 k.
uint32_t spread_bits(uint32_t bits) {
  uint32_t spread = 0;
  for (uint32_t j = 0; j < 8; ++j) spread |= ((bits >> (4 * j) & 15) * 0x00204081 & 0x01010101) << j;
  return spread;
}

// Q4_0, Q5_0, Q8_0: two blocks of a half d and the unit's words; Q5_0 has its fifth bits first.
template <uint32_t words, uint32_t leading>
struct PairFormat {
  static constexpr uint32_t kBlock = 2 + 4 * words;
  static constexpr uint32_t kStepBytes = 2 * kBlock, kStepUnits = 2, kQuantWords = words, kScaleWords = 1;
  static void pack(Bytes b, Lane<kQuantWords> quant, Lane<kScaleWords> scale) {
    for (uint32_t u = 0; u < 2; ++u) {
      const Bytes block = b + u * kBlock + 2;
      copy_words<words - leading>(block + 4 * leading, quant, u * words);
      if constexpr (leading == 1) quant[u * words + words - 1] = spread_bits(load<uint32_t>(block));
    }
    scale[0] = load<uint16_t>(b) | static_cast<uint32_t>(load<uint16_t>(b + kBlock)) << 16;
  }
};

// Q4_1, Q5_1: the halves d and m, then as above.
template <uint32_t words, uint32_t leading>
struct OffsetFormat {
  static constexpr uint32_t kStepBytes = 4 + 4 * words, kStepUnits = 1, kQuantWords = words, kScaleWords = 1;
  static void pack(Bytes b, Lane<kQuantWords> quant, Lane<kScaleWords> scale) {
    scale[0] = load<uint32_t>(b);
    copy_words<words - leading>(b + 4 + 4 * leading, quant);
    if constexpr (leading == 1) quant[words - 1] = spread_bits(load<uint32_t>(b + 4));
  }
};

constexpr uint32_t kLowNibbles = 0x0f0f0f0f, kHighNibbles = 0xf0f0f0f0;

// 32 bytes whose low (high) nibbles are the 32 values of a unit, to the unit's four words.
template <uint32_t words>
void pack_low_nibbles(Bytes b, Lane<words> quant, uint32_t first) {
  for (uint32_t j = 0; j < 4; ++j)
    quant[first + j] = (load<uint32_t>(b + 4 * j) & kLowNibbles) | (load<uint32_t>(b + 16 + 4 * j) & kLowNibbles) << 4;
}

template <uint32_t words>
void pack_high_nibbles(Bytes b, Lane<words> quant, uint32_t first) {
  for (uint32_t j = 0; j < 4; ++j)
    quant[first + j] = (load<uint32_t>(b + 4 * j) >> 4 & kLowNibbles) | (load<uint32_t>(b + 16 + 4 * j) & kHighNibbles);
}

// Bit `bit` of each of 32 bytes, one a value, as a word of fifth bits.
uint32_t gather_bits(Bytes b, uint32_t bit) {
  uint32_t bits = 0;
  for (uint32_t j = 0; j < 8; ++j) bits |= (load<uint32_t>(b + 4 * j) >> bit & 0x01010101) << j;
  return bits;
}

// Bits shift, shift + 1 of each of 16 bytes, one a value, as a word of upper bits of Q6_K.
uint32_t gather_pairs(Bytes b, uint32_t shift) {
  uint32_t pairs = 0;
  for (uint32_t j = 0; j < 4; ++j) pairs |= (load<uint32_t>(b + 4 * j) >> shift & 0x03030303) << (2 * j);
  return pairs;
}

// The 12 bytes of eight 6-bit scales and eight 6-bit minima, to words 1..3.
template <uint32_t words>
void pack_scales(Bytes b, Lane<words> scale) {
  const uint32_t first = load<uint32_t>(b), second = load<uint32_t>(b + 4), third = load<uint32_t>(b + 8);
  uint32_t low_scales = 0, low_minima = 0, high = 0;
  for (uint32_t u = 0; u < 4; ++u) {
    const uint32_t s = first >> (8 * u), m = second >> (8 * u), later = third >> (8 * u);
    low_scales |= (s & 15) << (4 * u) | (later & 15) << (4 * u + 16);
    low_minima |= (m & 15) << (4 * u) | (later >> 4 & 15) << (4 * u + 16);
    high |= (s >> 4 & 3) << (2 * u) | (s >> 6 & 3) << (2 * u + 8);
    high |= (m >> 4 & 3) << (2 * u + 16) | (m >> 6 & 3) << (2 * u + 24);
  }
  scale[1] = low_scales;
  scale[2] = low_minima;
  scale[3] = high;
}

struct Q4KFormat {
  static constexpr uint32_t kStepBytes = 144, kStepUnits = 8, kQuantWords = 4, kScaleWords = 4;
  static void pack(Bytes b, Lane<kQuantWords> quant, Lane<kScaleWords> scale) {
    scale[0] = load<uint32_t>(b);
    pack_scales(b + 4, scale);
    for (uint32_t c = 0; c < 4; ++c) {
      pack_low_nibbles(b + 16 + 32 * c, quant, 8 * c);
      pack_high_nibbles(b + 16 + 32 * c, quant, 8 * c + 4);
    }
  }
};

struct Q5KFormat {
  static constexpr uint32_t kStepBytes = 176, kStepUnits = 8, kQuantWords = 5, kScaleWords = 4;
  static void pack(Bytes b, Lane<kQuantWords> quant, Lane<kScaleWords> scale) {
    scale[0] = load<uint32_t>(b);
    pack_scales(b + 4, scale);
    for (uint32_t c = 0; c < 4; ++c) {
      pack_low_nibbles(b + 48 + 32 * c, quant, 10 * c);
      quant[10 * c + 4] = gather_bits(b + 16, 2 * c);
      pack_high_nibbles(b + 48 + 32 * c, quant, 10 * c + 5);
      quant[10 * c + 9] = gather_bits(b + 16, 2 * c + 1);
    }
  }
};

struct Q6KFormat {
  static constexpr uint32_t kStepBytes = 210, kStepUnits = 8, kQuantWords = 6, kScaleWords = 5;
  static void pack(Bytes b, Lane<kQuantWords> quant, Lane<kScaleWords> scale) {
    copy_words<4>(b + 192, scale);
    scale[4] = load<uint16_t>(b + 208);
    for (uint32_t u = 0; u < 8; ++u) {
      const Bytes nibbles = b + u / 4 * 64 + u % 2 * 32, pairs = b + 128 + u / 4 * 32;
      if (u % 4 < 2) {
        pack_low_nibbles(nibbles, quant, 6 * u);
      } else {
        pack_high_nibbles(nibbles, quant, 6 * u);
      }
      quant[6 * u + 4] = gather_pairs(pairs, u % 4 * 2);
      quant[6 * u + 5] = gather_pairs(pairs + 16, u % 4 * 2);
    }
  }
};

// Types without a device layout, by way of floats, to F16.
template <TensorType type>
struct ConvertedFormat {
  static constexpr uint32_t kBytes = listed_type(type).block_bytes, kValues = listed_type(type).block_values;
  static constexpr uint32_t kStepBytes = kBytes, kStepUnits = kValues / kUnitValues, kQuantWords = 16, kScaleWords = 0;
  static void pack(Bytes b, Lane<kQuantWords> quant, Lane<kScaleWords>) {
    float y[kValues];
    dequantize_blocks(type, std::as_bytes(std::span(b, kBytes)), y);
    // First to half, then to the lane's words: the first loop becomes vector code, the second cannot.
    uint16_t halves[kValues];
    for (uint32_t i = 0; i < kValues; ++i) halves[i] = float_to_half(y[i]);
    copy_words<kValues / 2>(reinterpret_cast<Bytes>(halves), quant);
  }
};

// One group of up to 8 rows, `rows` of them present.
template <typename Format>
void repack_group(Bytes first_row, uint64_t row_bytes, uint64_t rows, const DeviceLayout& layout, uint32_t* quant,
                  uint32_t* scale) {
  constexpr uint32_t kQuants = Format::kStepUnits * Format::kQuantWords;
  uint32_t quant_tile[kQuants * kRowInterleave] = {};
  uint32_t scale_tile[std::max(Format::kScaleWords, 1u) * kRowInterleave] = {};
  uint32_t units_left = layout.units;
  for (uint64_t at = 0; at < row_bytes; at += Format::kStepBytes) {
    const bool whole = row_bytes - at >= Format::kStepBytes;
    for (uint32_t lane = 0; lane < rows; ++lane) {
      Bytes source = first_row + lane * row_bytes + at;
      uint8_t padded[Format::kStepBytes];
      if (!whole) {
        std::memset(padded, 0, sizeof(padded));
        std::memcpy(padded, source, row_bytes - at);
        source = padded;
      }
      Format::pack(source, {quant_tile, lane}, {scale_tile, lane});
    }
    const uint32_t units = std::min(units_left, Format::kStepUnits);
    const size_t quant_words = size_t{units} * Format::kQuantWords * kRowInterleave;
    std::memcpy(quant, quant_tile, quant_words * 4);
    quant += quant_words;
    units_left -= units;
    if constexpr (Format::kScaleWords > 0) {
      std::memcpy(scale, scale_tile, sizeof(scale_tile));
      scale += Format::kScaleWords * kRowInterleave;
    }
  }
}

template <typename Format>
void repack(const GgufTensor& tensor, uint64_t first_row, uint64_t row_count, const DeviceLayout& layout,
            uint32_t* quant, uint32_t* scale) {
  const uint64_t row_bytes = tensor.row_bytes();
  const Bytes bytes = reinterpret_cast<Bytes>(tensor.data.data());
  for (uint64_t row = 0; row < row_count; row += kRowInterleave) {
    repack_group<Format>(bytes + (first_row + row) * row_bytes, row_bytes,
                         std::min<uint64_t>(kRowInterleave, row_count - row), layout,
                         quant + row * layout.quant_words_per_row, scale + row * layout.scale_words_per_row);
  }
}

}  // namespace

void repack_rows(const GgufTensor& tensor, uint64_t first_row, uint64_t row_count, const DeviceLayout& layout,
                 std::span<uint32_t> quant_plane, std::span<uint32_t> scale_plane) {
  PUMICE_CHECK(layout.weight_type == weight_type_for(tensor.type) && layout.cols == tensor.cols());
  PUMICE_CHECK(first_row <= tensor.rows() && row_count <= tensor.rows() - first_row);
  PUMICE_CHECK(first_row % kRowInterleave == 0);
  PUMICE_CHECK(row_count % kRowInterleave == 0 || first_row + row_count == tensor.rows());
  PUMICE_CHECK(quant_plane.size() == layout.quant_plane_words(row_count));
  PUMICE_CHECK(scale_plane.size() == layout.scale_plane_words(row_count));
  const auto run = [&](auto format) {
    repack<decltype(format)>(tensor, first_row, row_count, layout, quant_plane.data(), scale_plane.data());
  };
  switch (tensor.type) {
    case TensorType::kF32:
      return run(PlainFormat<128>());
    case TensorType::kF16:
    case TensorType::kBF16:
      return run(PlainFormat<64>());
    case TensorType::kQ8_0:
      return run(PairFormat<8, 0>());
    case TensorType::kQ4_0:
      return run(PairFormat<4, 0>());
    case TensorType::kQ5_0:
      return run(PairFormat<5, 1>());
    case TensorType::kQ4_1:
      return run(OffsetFormat<4, 0>());
    case TensorType::kQ5_1:
      return run(OffsetFormat<5, 1>());
    case TensorType::kQ4_K:
      return run(Q4KFormat());
    case TensorType::kQ5_K:
      return run(Q5KFormat());
    case TensorType::kQ6_K:
      return run(Q6KFormat());
    case TensorType::kQ2_K:
      return run(ConvertedFormat<TensorType::kQ2_K>());
    case TensorType::kQ3_K:
      return run(ConvertedFormat<TensorType::kQ3_K>());
    case TensorType::kIQ4_NL:
      return run(ConvertedFormat<TensorType::kIQ4_NL>());
    default:
      PUMICE_CHECK(can_dequantize(tensor.type));
  }
}

}  // namespace pumice
