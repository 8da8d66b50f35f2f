// Dequantisation against formulas written a second time, by value index instead of by loop, and against blocks whose
// values are known by hand.
#include "format/dequantize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "format/half.h"
#include "support/gguf_writer.h"

namespace pumice::dequantize_test {

using test::random_blocks;

constexpr TensorType kTypes[] = {
    TensorType::kF32,  TensorType::kF16,  TensorType::kBF16, TensorType::kQ4_0,   TensorType::kQ4_1,
    TensorType::kQ5_0, TensorType::kQ5_1, TensorType::kQ8_0, TensorType::kQ2_K,   TensorType::kQ3_K,
    TensorType::kQ4_K, TensorType::kQ5_K, TensorType::kQ6_K, TensorType::kIQ4_NL, TensorType::kIQ4_XS,
    TensorType::kMXFP4, TensorType::kNVFP4, TensorType::kTQ1_0, TensorType::kTQ2_0, TensorType::kQ2_0,
    TensorType::kQ1_0,
};

struct Block {
  const std::byte* bytes;

  unsigned byte(unsigned at) const { return static_cast<unsigned>(bytes[at]); }
  int signed_byte(unsigned at) const { return static_cast<int>(byte(at) ^ 128) - 128; }
  unsigned bits(unsigned at, unsigned first, unsigned count) const { return (byte(at) >> first) & ((1u << count) - 1); }
  // Bit `i` of the bytes from `at` on.
  unsigned bit(unsigned at, unsigned i) const { return bits(at + i / 8, i % 8, 1); }
  double half(unsigned at) const { return half_to_float(static_cast<uint16_t>(byte(at) | byte(at + 1) << 8)); }
  // Value v of 32 nibbles in 16 bytes from `at` on.
  unsigned nibble(unsigned at, unsigned v) const { return bits(at + v % 16, v < 16 ? 0 : 4, 4); }
  // 6-bit scale (kind 0) or minimum (kind 1) `s` of the 12 bytes from `at` on.
  unsigned six(unsigned at, unsigned kind, unsigned s) const {
    if (s < 4) return bits(at + 4 * kind + s, 0, 6);
    return bits(at + 4 + s, 4 * kind, 4) + 16 * bits(at + 4 * kind + s - 4, 6, 2);
  }
};

double q3_k_value(const Block& b, unsigned v) {
  const unsigned s = v / 16, bits_at = s % 8;
  const unsigned low = b.bits(96 + bits_at, s < 8 ? 0 : 4, 4);
  const unsigned top = b.bits(104 + s % 4, 2 * (s / 4), 2);
  const int q = static_cast<int>(b.bits(32 + v / 128 * 32 + v % 32, v / 32 % 4 * 2, 2) + 4 * b.bits(v % 32, v / 32, 1));
  return b.half(108) * (static_cast<int>(low + 16 * top) - 32) * (q - 4);
}

constexpr int kNonlinear[] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

// Sign, two bits of exponent, one of mantissa.
double e2m1(unsigned nibble) {
  const unsigned exponent = nibble / 2 % 4;
  const double magnitude = exponent == 0 ? 0.5 * (nibble % 2) : std::ldexp(1 + 0.5 * (nibble % 2), int(exponent) - 1);
  return nibble < 8 ? magnitude : -magnitude;
}

// Digit n of a byte that is a fraction of 256 in base 3.
int ternary(const Block& b, unsigned at, unsigned n) {
  static constexpr unsigned kPowers[] = {3, 9, 27, 81, 243};
  return static_cast<int>(b.byte(at) * kPowers[n] / 256 % 3) - 1;
}

double newer_value(TensorType type, const Block& b, unsigned v) {
  switch (type) {
    case TensorType::kIQ4_XS: {
      const unsigned unit = v / 32;
      const unsigned scale = b.bits(4 + unit / 2, unit % 2 * 4, 4) + 16 * b.bits(2 + unit / 4, unit % 4 * 2, 2);
      return b.half(0) * (static_cast<int>(scale) - 32) * kNonlinear[b.nibble(8 + 16 * unit, v % 32)];
    }
    case TensorType::kMXFP4:
      return std::ldexp(e2m1(b.nibble(1, v)), static_cast<int>(b.byte(0)) - 127);
    case TensorType::kNVFP4: {
      const unsigned sub = v / 16, exponent = b.bits(sub, 3, 4), mantissa = b.bits(sub, 0, 3);
      const double scale = exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8 + mantissa, int(exponent) - 10);
      return scale * e2m1(b.bits(4 + 8 * sub + v % 8, v % 16 / 8 * 4, 4));
    }
    case TensorType::kTQ1_0:
      if (v >= 240) return b.half(52) * ternary(b, 48 + v % 4, (v - 240) / 4);
      if (v >= 160) return b.half(52) * ternary(b, 32 + v % 16, (v - 160) / 16);
      return b.half(52) * ternary(b, v % 32, v / 32);
    case TensorType::kTQ2_0:
      return b.half(64) * (static_cast<int>(b.bits(v / 128 * 32 + v % 32, v / 32 % 4 * 2, 2)) - 1);
    case TensorType::kQ2_0:
      return b.half(0) * (static_cast<int>(b.bits(2 + v / 4, v % 4 * 2, 2)) - 1);
    case TensorType::kQ1_0:
      return b.bit(2, v) ? b.half(0) : -b.half(0);
    default:
      ADD_FAILURE() << "no formula";
      return 0;
  }
}

double expected_value(TensorType type, const Block& b, unsigned v) {
  const unsigned unit = v / 32, i = v % 32;
  switch (type) {
    case TensorType::kF32: {
      float value;
      std::memcpy(&value, b.bytes, 4);
      return value;
    }
    case TensorType::kF16:
      return b.half(0);
    case TensorType::kBF16:
      return bf16_to_float(static_cast<uint16_t>(b.byte(0) | b.byte(1) << 8));
    case TensorType::kQ4_0:
      return b.half(0) * (static_cast<int>(b.nibble(2, v)) - 8);
    case TensorType::kQ4_1:
      return b.half(0) * b.nibble(4, v) + b.half(2);
    case TensorType::kQ5_0:
      return b.half(0) * (static_cast<int>(b.nibble(6, v) + 16 * b.bit(2, v)) - 16);
    case TensorType::kQ5_1:
      return b.half(0) * (b.nibble(8, v) + 16 * b.bit(4, v)) + b.half(2);
    case TensorType::kQ8_0:
      return b.half(0) * b.signed_byte(2 + v);
    case TensorType::kQ2_K:
      return b.half(80) * b.bits(v / 16, 0, 4) * b.bits(16 + v / 128 * 32 + i, unit % 4 * 2, 2) -
             b.half(82) * b.bits(v / 16, 4, 4);
    case TensorType::kQ3_K:
      return q3_k_value(b, v);
    case TensorType::kQ4_K:
      return b.half(0) * b.six(4, 0, unit) * b.bits(16 + unit / 2 * 32 + i, unit % 2 * 4, 4) -
             b.half(2) * b.six(4, 1, unit);
    case TensorType::kQ5_K:
      return b.half(0) * b.six(4, 0, unit) *
                 (b.bits(48 + unit / 2 * 32 + i, unit % 2 * 4, 4) + 16 * b.bits(16 + i, unit, 1)) -
             b.half(2) * b.six(4, 1, unit);
    case TensorType::kQ6_K: {
      const unsigned low = b.bits(unit / 4 * 64 + unit % 2 * 32 + i, unit % 4 / 2 * 4, 4);
      const unsigned high = b.bits(128 + unit / 4 * 32 + i, unit % 4 * 2, 2);
      return b.half(208) * b.signed_byte(192 + v / 16) * (static_cast<int>(low + 16 * high) - 32);
    }
    case TensorType::kIQ4_NL:
      return b.half(0) * kNonlinear[b.nibble(2, v)];
    default:
      return newer_value(type, b, v);
  }
}

TEST(Dequantize, MatchesIndependentFormulas) {
  for (const TensorType type : kTypes) {
    SCOPED_TRACE(tensor_type_name(type));
    ASSERT_TRUE(can_dequantize(type));
    const TensorTypeInfo& info = *tensor_type_info(type);
    const size_t count = 12 * 256;
    // One byte further on, so that nothing relies on alignment.
    std::vector<std::byte> blocks = random_blocks(type, count, 17);
    blocks.insert(blocks.begin(), std::byte{0});
    std::vector<float> values(count, NAN);
    dequantize_blocks(type, std::span(blocks).subspan(1), values);
    for (size_t i = 0; i < count; ++i) {
      const Block block{blocks.data() + 1 + i / info.block_values * info.block_bytes};
      const double expected = expected_value(type, block, static_cast<unsigned>(i % info.block_values));
      // Three roundings at most, of terms below 1e2 in these blocks.
      ASSERT_NEAR(values[i], expected, 3 * 0x1p-24 * (std::abs(expected) + 1.0)) << "value " << i;
    }
  }
}

// FNV-1a of the bits that another engine makes of the same blocks: above all of the codebooks, for which there is no
// formula.
TEST(Dequantize, SameBitsAsAnotherEngine) {
  struct Golden {
    TensorType type;
    uint64_t hash;
  };
  constexpr Golden kGoldens[] = {
      {TensorType::kIQ3_S, 0xd8d9f479db956ee9}, {TensorType::kIQ3_XXS, 0x0623f14e5dc300fa},
      {TensorType::kIQ2_S, 0xcb7890c7df9934fa}, {TensorType::kIQ2_XS, 0x429efa73040320a2},
      {TensorType::kIQ2_XXS, 0x600de81a3212e324}, {TensorType::kIQ1_M, 0x850297ccb93dc2ed},
      {TensorType::kIQ1_S, 0x8c6be12268eef7aa}, {TensorType::kIQ4_XS, 0xb07b7baf4769b894},
      {TensorType::kIQ4_NL, 0xfa851ea2fc5734f8}, {TensorType::kMXFP4, 0xf2a1f1080698c76d},
      {TensorType::kNVFP4, 0xcae553f02f7aa99f}, {TensorType::kQ3_K, 0x096d4662ddb9fa6e},
      {TensorType::kQ2_K, 0x88ca414ac2aafb1a}, {TensorType::kTQ1_0, 0xecd6fab8be015366},
      {TensorType::kTQ2_0, 0xafdc89115ce0e49b}, {TensorType::kQ2_0, 0x74e3b5a49cf29669},
      {TensorType::kQ1_0, 0xda4d14278ad66da5},
  };
  for (const Golden& golden : kGoldens) {
    std::vector<float> values(64 * 256);
    dequantize_blocks(golden.type, random_blocks(golden.type, values.size(), 29), values);
    uint64_t hash = 0xcbf29ce484222325;
    for (const std::byte byte : std::as_bytes(std::span(values)))
      hash = (hash ^ static_cast<uint64_t>(byte)) * 0x100000001b3;
    EXPECT_EQ(hash, golden.hash) << tensor_type_name(golden.type);
  }
}

TEST(Dequantize, KnownBlocks) {
  std::vector<float> y(32);
  test::ByteWriter q4_0;
  q4_0.put(float_to_half(0.5f));
  for (unsigned i = 0; i < 16; ++i) q4_0.put(static_cast<uint8_t>(i | (15 - i) << 4));
  dequantize_blocks(TensorType::kQ4_0, q4_0.bytes, y);
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(y[static_cast<size_t>(i)], 0.5f * static_cast<float>(i - 8));
    EXPECT_EQ(y[static_cast<size_t>(16 + i)], 0.5f * static_cast<float>(7 - i));
  }
  test::ByteWriter q8_0;
  q8_0.put(float_to_half(2.0f));
  for (int i = 0; i < 32; ++i) q8_0.put(static_cast<int8_t>(i == 31 ? -128 : i - 16));
  dequantize_blocks(TensorType::kQ8_0, q8_0.bytes, y);
  EXPECT_EQ(y[0], -32.0f);
  EXPECT_EQ(y[30], 28.0f);
  EXPECT_EQ(y[31], -256.0f);
}

TEST(Dequantize, RowsOfATensor) {
  const std::vector<std::byte> data = random_blocks(TensorType::kQ5_1, 3 * 64, 5);
  const GgufTensor tensor{.name = "t", .dims = {64, 3, 1, 1}, .dim_count = 2, .type = TensorType::kQ5_1, .data = data};
  std::vector<float> all(192), two(128), wrong(100);
  ASSERT_TRUE(dequantize_rows(tensor, 0, 3, all));
  ASSERT_TRUE(dequantize_rows(tensor, 1, 2, two));
  EXPECT_TRUE(std::equal(two.begin(), two.end(), all.begin() + 64));
  EXPECT_EQ(dequantize_rows(tensor, 2, 2, two).error().message,
            "tensor \"t\" has 3 rows, but rows up to 4 were asked for");
  EXPECT_EQ(dequantize_rows(tensor, 0, 2, wrong).error().message,
            "2 rows of tensor \"t\" need 128 floats, but the output has 100");
  EXPECT_EQ(dequantize_rows(tensor, UINT64_MAX, 2, two).error().status, Status::kInvalidArgument);
}

TEST(Dequantize, RefusesOtherTypes) {
  const std::vector<std::byte> data(292);
  const GgufTensor tensor{.name = "t", .dims = {256, 1, 1, 1}, .type = TensorType::kQ8_K, .data = data};
  std::vector<float> values(256);
  EXPECT_EQ(dequantize_rows(tensor, 0, 1, values).error().message,
            "tensor \"t\" is of type Q8_K, which cannot be decoded; quantise to another type");
}

TEST(TensorType, Names) {
  EXPECT_EQ(tensor_type_name(TensorType::kQ6_K), "Q6_K");
  EXPECT_EQ(tensor_type_name(static_cast<TensorType>(4)), "type 4");
  EXPECT_EQ(tensor_type_name(static_cast<TensorType>(4000000000u)), "type 4000000000");
  for (uint32_t i = 0; i < 64; ++i) {
    const TensorTypeInfo* info = tensor_type_info(static_cast<TensorType>(i));
    if (info) {
      EXPECT_TRUE(std::has_single_bit(info->block_values) && info->block_values <= 256) << i;
    }
  }
}

}  // namespace pumice::dequantize_test
