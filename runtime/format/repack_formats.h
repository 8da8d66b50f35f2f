// How a step of a row becomes words of the device layout: one format for each GGUF type, for repack.cpp.
#pragma once

#include <cstring>

#include "format/coded_block.h"
#include "format/device_layout.h"
#include "format/half.h"

namespace pumice::repacking {

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

// A format names the GGUF bytes and the device words of one step (a whole number of units, one record of scales unless
// kScaleRecords says otherwise) and packs a step of a row.

template <uint32_t bytes>  // F32, F16, BF16: bytes of 32 values
struct PlainFormat {
  static constexpr uint32_t kStepBytes = bytes, kStepUnits = 1, kQuantWords = bytes / 4, kScaleWords = 0;
  static void pack(Bytes b, Lane<kQuantWords> quant, Lane<kScaleWords>) { copy_words<kQuantWords>(b, quant); }
};

// A word of which bit i belongs to value i, as a word of fifth bits. The multiplication moves bit k of four to bit 8 k.
inline uint32_t spread_bits(uint32_t bits) {
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

inline constexpr uint32_t kLowNibbles = 0x0f0f0f0f, kHighNibbles = 0xf0f0f0f0;

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
inline uint32_t gather_bits(Bytes b, uint32_t bit) {
  uint32_t bits = 0;
  for (uint32_t j = 0; j < 8; ++j) bits |= (load<uint32_t>(b + 4 * j) >> bit & 0x01010101) << j;
  return bits;
}

// Bits shift, shift + 1 of each of 16 bytes, one a value, as a word of upper bits of Q6_K.
inline uint32_t gather_pairs(Bytes b, uint32_t shift) {
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

// The 16 bytes that hold two bits each of units u and following of a block of 256 (Q2_K, Q3_K, TQ2_0).
template <uint32_t words>
void pack_pairs(Bytes b, uint32_t u, Lane<words> quant) {
  const Bytes pairs = b + u / 4 * 32;
  quant[u * words] = gather_pairs(pairs, u % 4 * 2);
  quant[u * words + 1] = gather_pairs(pairs + 16, u % 4 * 2);
}

struct Q2KFormat {
  static constexpr uint32_t kStepBytes = 84, kStepUnits = 8, kQuantWords = 2, kScaleWords = 5;
  static void pack(Bytes b, Lane<kQuantWords> quant, Lane<kScaleWords> scale) {
    copy_words<4>(b, scale);
    scale[4] = load<uint32_t>(b + 80);
    for (uint32_t u = 0; u < 8; ++u) pack_pairs(b + 16, u, quant);
  }
};

// Bytes 96 to 107: the lower nibbles of 16 scales, then their upper two bits.
struct Q3KFormat {
  static constexpr uint32_t kStepBytes = 110, kStepUnits = 8, kQuantWords = 3, kScaleWords = 5;
  static void pack(Bytes b, Lane<kQuantWords> quant, Lane<kScaleWords> scale) {
    for (uint32_t w = 0; w < 4; ++w) {
      const uint32_t low = load<uint32_t>(b + 96 + w % 2 * 4) >> (w / 2 * 4) & kLowNibbles;
      const uint32_t biased = low | (load<uint32_t>(b + 104) >> (2 * w) & 0x03030303) << 4;
      scale[w] = ((biased | 0x80808080) - 0x20202020) ^ 0x80808080;  // minus 32, a byte at a time
    }
    scale[4] = load<uint16_t>(b + 108);
    for (uint32_t u = 0; u < 8; ++u) {
      pack_pairs(b + 32, u, quant);
      quant[3 * u + 2] = gather_bits(b, u);
    }
  }
};

struct TQ20Format {
  static constexpr uint32_t kStepBytes = 66, kStepUnits = 8, kQuantWords = 2, kScaleWords = 1, kScaleRecords = 2;
  static void pack(Bytes b, Lane<kQuantWords> quant, Lane<kScaleWords> scale) {
    scale[0] = scale[1] = load<uint16_t>(b + 64) * 0x00010001u;
    for (uint32_t u = 0; u < 8; ++u) pack_pairs(b, u, quant);
  }
};

// Two blocks of 64 values, or, of Q1_0, of 128, whose bits are in their order.
template <uint32_t bits>
struct BitsFormat {
  static constexpr uint32_t kStepBytes = 36, kStepUnits = 8 / bits, kQuantWords = bits, kScaleWords = 1;
  static void pack(Bytes b, Lane<kQuantWords> quant, Lane<kScaleWords> scale) {
    scale[0] = load<uint16_t>(b) | static_cast<uint32_t>(load<uint16_t>(b + 18)) << 16;
    for (uint32_t u = 0; u < kStepUnits; ++u) {
      const Bytes unit = b + 2 + u / (kStepUnits / 2) * 18 + u % (kStepUnits / 2) * 4 * bits;
      if constexpr (bits == 1) {
        quant[u] = spread_bits(load<uint32_t>(unit));
      } else {
        uint8_t codes[kUnitValues];
        for (uint32_t i = 0; i < kUnitValues; ++i) codes[i] = unit[i / 4] >> (i % 4 * 2) & 3;
        quant[2 * u] = gather_pairs(codes, 0);
        quant[2 * u + 1] = gather_pairs(codes + 16, 0);
      }
    }
  }
};

struct IQ4XSFormat {
  static constexpr uint32_t kStepBytes = 136, kStepUnits = 8, kQuantWords = 4, kScaleWords = 2;
  static void pack(Bytes b, Lane<kQuantWords> quant, Lane<kScaleWords> scale) {
    copy_words<2>(b, scale);
    copy_words<32>(b + 8, quant);
  }
};

// E2M1 nibbles, alone in their bytes, in the order of their values: from sign and magnitude to 8 + value.
inline uint32_t fp4_codes(uint32_t nibbles) {
  const uint32_t magnitudes = nibbles & 0x07070707, negative = magnitudes & (nibbles >> 3 & 0x01010101) * 7;
  return 0x08080808 + (magnitudes - negative) - negative;
}

struct MXFP4Format {
  static constexpr uint32_t kStepBytes = 68, kStepUnits = 4, kQuantWords = 4, kScaleWords = 1;
  static void pack(Bytes b, Lane<kQuantWords> quant, Lane<kScaleWords> scale) {
    scale[0] = b[0] | static_cast<uint32_t>(b[17]) << 8 | static_cast<uint32_t>(b[34]) << 16 |
               static_cast<uint32_t>(b[51]) << 24;
    for (uint32_t w = 0; w < 16; ++w) {
      const uint32_t nibbles = load<uint32_t>(b + w / 4 * 17 + 1 + w % 4 * 4);
      quant[w] = fp4_codes(nibbles) | fp4_codes(nibbles >> 4) << 4;
    }
  }
};

// Four blocks of four scales and 4 x 8 bytes; each 8 bytes are 16 values, low nibbles first. The tensor's scale is
// repack.cpp's to add.
struct NVFP4Format {
  static constexpr uint32_t kStepBytes = 144, kStepUnits = 8, kQuantWords = 4, kScaleWords = 5;
  static void pack(Bytes b, Lane<kQuantWords> quant, Lane<kScaleWords> scale) {
    for (uint32_t w = 0; w < 4; ++w) scale[w] = load<uint32_t>(b + 36 * w);
    for (uint32_t w = 0; w < 32; ++w) {
      const Bytes unit = b + w / 8 * 36 + 4 + w / 4 % 2 * 16 + w % 2 * 4;
      const uint32_t shift = w % 4 / 2 * 4;
      quant[w] = fp4_codes(load<uint32_t>(unit) >> shift) | fp4_codes(load<uint32_t>(unit + 8) >> shift) << 4;
    }
  }
};

// The types of coded_block.h with codes of 4 bits, a 6-bit factor for each unit, and those of 3 with a byte for each
// half.
template <uint32_t bytes, CodedBlock (*read)(Bytes)>
struct Coded4Format {
  static constexpr uint32_t kStepBytes = bytes, kStepUnits = 8, kQuantWords = 4, kScaleWords = 2;
  static void pack(Bytes b, Lane<kQuantWords> quant, Lane<kScaleWords> scale) {
    const CodedBlock block = read(b);
    uint32_t low = 0, high = 0;
    for (uint32_t u = 0; u < 8; ++u) {
      const uint32_t biased = static_cast<uint32_t>(block.factors[2 * u] + 32);
      low |= (biased & 15) << (4 * u);
      high |= (biased >> 4) << (2 * u);
      pack_low_nibbles(block.codes + 32 * u, quant, 4 * u);
    }
    scale[0] = block.d | high << 16;
    scale[1] = low;
  }
};

template <uint32_t bytes, CodedBlock (*read)(Bytes)>
struct Coded3Format {
  static constexpr uint32_t kStepBytes = bytes, kStepUnits = 8, kQuantWords = 3, kScaleWords = 5;
  static void pack(Bytes b, Lane<kQuantWords> quant, Lane<kScaleWords> scale) {
    const CodedBlock block = read(b);
    copy_words<4>(reinterpret_cast<Bytes>(block.factors), scale);
    scale[4] = block.d;
    for (uint32_t u = 0; u < 8; ++u) {
      const Bytes codes = block.codes + 32 * u;
      quant[3 * u] = gather_pairs(codes, 0);
      quant[3 * u + 1] = gather_pairs(codes + 16, 0);
      quant[3 * u + 2] = gather_bits(codes, 2);
    }
  }
};

struct TQ10Format {
  static constexpr uint32_t kStepBytes = 54, kStepUnits = 8, kQuantWords = 2, kScaleWords = 1, kScaleRecords = 2;
  static void pack(Bytes b, Lane<kQuantWords> quant, Lane<kScaleWords> scale) {
    const CodedBlock block = read_tq1_0(b);
    scale[0] = scale[1] = block.d * 0x00010001u;
    for (uint32_t w = 0; w < 16; ++w) quant[w] = gather_pairs(block.codes + 16 * w, 0);
  }
};

}  // namespace pumice::repacking
