// Quantisers: how near what they write is to what they were given.
#include "format/quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "format/dequantize.h"
#include "format/quant_scales.h"

namespace pumice::test::quantize_test {

constexpr TensorType kBlockTypes[] = {TensorType::kQ8_0, TensorType::kQ4_0, TensorType::kQ5_0, TensorType::kQ5_1,
                                      TensorType::kQ4_K, TensorType::kQ5_K, TensorType::kQ6_K};

std::vector<float> there_and_back(TensorType type, const std::vector<float>& values) {
  const TensorTypeInfo& info = *tensor_type_info(type);
  std::vector<std::byte> blocks(values.size() / info.block_values * info.block_bytes + 2, std::byte{0xa5});
  quantize_blocks(type, values, std::span(blocks).first(blocks.size() - 2));
  EXPECT_EQ(blocks.back(), std::byte{0xa5});
  std::vector<float> decoded(values.size());
  dequantize_blocks(type, std::span(blocks).first(blocks.size() - 2), decoded);
  return decoded;
}

std::vector<float> normal_values(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.01f, 0.05f);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

// Root mean square of the error, by that of the values.
double relative_error(const std::vector<float>& values, const std::vector<float>& decoded) {
  double errors = 0, squares = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    errors += std::pow(static_cast<double>(values[i]) - static_cast<double>(decoded[i]), 2);
    squares += std::pow(static_cast<double>(values[i]), 2);
  }
  return std::sqrt(errors / squares);
}

// For a normal distribution cut into uniform steps between the farthest values of a block of 32 (about 2.4 deviations
// to each side), the error is a step / sqrt(12): 0.0055 of the deviation for 255 codes, 0.087 for 16, 0.043 for 32.
// Searched factors are below that, and formats with two factors for a block far below.
TEST(Quantize, ErrorsAreThoseOfTheFormats) {
  const std::vector<float> values = normal_values(256 * 400, 1);
  const std::pair<TensorType, double> most[] = {
      {TensorType::kQ8_0, 0.0055}, {TensorType::kQ4_0, 0.087}, {TensorType::kQ5_0, 0.043}, {TensorType::kQ5_1, 0.039},
      {TensorType::kQ4_K, 0.074},  {TensorType::kQ5_K, 0.038}, {TensorType::kQ6_K, 0.019}};
  for (const auto& [type, limit] : most) {
    const double error = relative_error(values, there_and_back(type, values));
    EXPECT_LT(error, limit) << tensor_type_name(type);
    EXPECT_GT(error, limit / 3) << tensor_type_name(type);
  }
}

// What the plainest choice, the farthest value at the last code, would cost.
TEST(Quantize, ASearchedScaleIsBetterThanThePlainOne) {
  const std::vector<float> values = normal_values(32 * 1000, 2);
  std::vector<float> plain(values.size());
  for (size_t block = 0; block < values.size(); block += 32) {
    float farthest = 0;
    for (size_t i = block; i < block + 32; ++i)
      if (std::fabs(values[i]) > std::fabs(farthest)) farthest = values[i];
    const float scale = farthest / -8;
    for (size_t i = block; i < block + 32; ++i)
      plain[i] = scale * std::clamp(std::nearbyint(values[i] / scale), -8.0f, 7.0f);
  }
  EXPECT_LT(relative_error(values, there_and_back(TensorType::kQ4_0, values)), 0.99 * relative_error(values, plain));
}

TEST(Quantize, WhatABlockHoldsExactlyStays) {
  for (const TensorType type : {TensorType::kQ8_0, TensorType::kQ4_0, TensorType::kQ5_0}) {
    const std::vector<float> once = there_and_back(type, normal_values(32 * 64, 3));
    EXPECT_LT(relative_error(once, there_and_back(type, once)), 2e-4) << tensor_type_name(type);
  }
  for (const TensorType type : {TensorType::kF32, TensorType::kF16, TensorType::kBF16}) {
    const std::vector<float> once = there_and_back(type, normal_values(100, 4));
    EXPECT_EQ(once, there_and_back(type, once)) << tensor_type_name(type);
  }
}

TEST(Quantize, ZerosEqualValuesAndExtremesAreFinite) {
  for (const TensorType type : kBlockTypes) {
    EXPECT_EQ(there_and_back(type, std::vector<float>(256)), std::vector<float>(256)) << tensor_type_name(type);
    for (const float value : {1e-30f, -3e-6f, 0.25f, -7.0f, 3000.0f}) {
      const std::vector<float> same(256, value);
      EXPECT_LE(relative_error(same, there_and_back(type, same)), std::fabs(value) < 1e-3f ? 1.001 : 0.08)
          << tensor_type_name(type) << value;
    }
    std::vector<float> wild(256, 1.0f);
    wild[3] = INFINITY, wild[40] = -INFINITY, wild[77] = NAN;
    for (const float value : there_and_back(type, wild)) EXPECT_TRUE(std::isfinite(value)) << tensor_type_name(type);
  }
}

TEST(Quantize, ScalesAndMinimaArePackedAsTheyAreRead) {
  std::mt19937 random(5);
  for (int round = 0; round < 100; ++round) {
    ScaleMin pairs[8];
    for (ScaleMin& pair : pairs) pair = {static_cast<int>(random() % 64), static_cast<int>(random() % 64)};
    uint8_t bytes[12];
    put_scale_mins(pairs, bytes);
    for (int i = 0; i < 8; ++i) {
      EXPECT_EQ(k_scale_min(bytes, i).scale, pairs[i].scale);
      EXPECT_EQ(k_scale_min(bytes, i).min, pairs[i].min);
    }
  }
}

TEST(Quantize, OtherTypesAreNotWritten) {
  EXPECT_FALSE(can_quantize(TensorType::kQ2_K));
  EXPECT_FALSE(can_quantize(TensorType::kI32));
  EXPECT_FALSE(can_quantize(static_cast<TensorType>(4)));
  EXPECT_THROW(quantize_blocks(TensorType::kQ2_K, std::vector<float>(256), {}), BrokenInvariant);
}

}  // namespace pumice::test::quantize_test
