// Repacking against dequantisation: what is read back from the device layout must be what the GGUF blocks hold.
#include "format/device_layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <vector>

#include "format/dequantize.h"
#include "format/half.h"
#include "support/gguf_writer.h"

namespace pumice::device_layout_test {

using test::random_blocks;

constexpr uint32_t kUnwritten = 0x7fc0dead;

struct Slab {
  std::vector<uint32_t> quants, scales;
};

struct Matrix {
  Matrix(TensorType type, uint64_t rows, uint64_t cols, uint32_t seed)
      : blocks(random_blocks(type, rows * cols, seed)) {
    tensor = {.name = "matrix", .dims = {cols, rows, 1, 1}, .dim_count = 2, .type = type, .data = blocks};
    layout = device_layout_for(tensor).value();
    reference.resize(rows * cols);
    EXPECT_TRUE(dequantize_rows(tensor, 0, rows, reference).ok());
  }

  Slab repack(uint64_t first, uint64_t count) const {
    Slab slab{std::vector<uint32_t>(layout.quant_plane_words(count), kUnwritten),
              std::vector<uint32_t>(layout.scale_plane_words(count), kUnwritten)};
    repack_rows(tensor, first, count, layout, slab.quants, slab.scales);
    return slab;
  }

  void expect_rows(const Slab& slab, uint64_t first, uint64_t count) const {
    std::vector<float> row(layout.cols);
    for (uint64_t r = 0; r < count; ++r) {
      unpack_row(layout, slab.quants, slab.scales, r, row);
      for (uint64_t c = 0; c < layout.cols; ++c)
        ASSERT_EQ(std::bit_cast<uint32_t>(row[c]), std::bit_cast<uint32_t>(reference[(first + r) * layout.cols + c]))
            << "row " << first + r << " col " << c;
    }
  }

  std::vector<std::byte> blocks;
  GgufTensor tensor;
  DeviceLayout layout;
  std::vector<float> reference;
};

// The row of a group that word w of a plane belongs to.
uint64_t row_of_word(uint64_t w, uint64_t record_words) {
  const uint64_t i = w % (record_words * kRowInterleave), rest = record_words % 4;
  const uint64_t quads = (record_words - rest) * kRowInterleave;
  return i < quads ? i / 4 % kRowInterleave : (i - quads) / rest;
}

uint64_t scale_words(const DeviceLayout& layout) {
  return kWeightLayouts[static_cast<uint32_t>(layout.weight_type)].scale_words;
}

// All that have a device layout.
std::vector<TensorType> all_types() {
  std::vector<TensorType> types;
  for (const TensorTypeInfo& info : kTensorTypes)
    if (info.device) types.push_back(static_cast<TensorType>(&info - kTensorTypes));
  return types;
}

struct Case {
  TensorType type;
  uint64_t rows, cols;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const TensorType type : {TensorType::kF32, TensorType::kF16, TensorType::kBF16})
    for (const uint64_t cols : {1u, 31u, 32u, 33u, 172u}) all.push_back({type, 13, cols});
  for (const TensorType type : {TensorType::kQ4_0, TensorType::kQ4_1, TensorType::kQ5_0, TensorType::kQ5_1,
                                TensorType::kQ8_0, TensorType::kIQ4_NL, TensorType::kMXFP4})
    for (const uint64_t cols : {32u, 64u, 96u, 288u}) all.push_back({type, 11, cols});
  for (const TensorType type : {TensorType::kNVFP4, TensorType::kQ2_0})
    for (const uint64_t cols : {64u, 128u, 320u}) all.push_back({type, 11, cols});
  for (const uint64_t cols : {128u, 384u}) all.push_back({TensorType::kQ1_0, 11, cols});
  for (const TensorType type : all_types())
    if (listed_type(type).block_values == 256)
      for (const uint64_t cols : {256u, 768u}) all.push_back({type, 9, cols});
  for (const uint64_t rows : {1u, 7u, 8u, 16u, 17u}) all.push_back({TensorType::kQ4_K, rows, 256});
  return all;
}

TEST(DeviceLayout, RepackedRowsReadBackBitExactly) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(tensor_type_name(c.type) + " " + std::to_string(c.rows) + " x " + std::to_string(c.cols));
    const Matrix matrix(c.type, c.rows, c.cols, 3);
    matrix.expect_rows(matrix.repack(0, c.rows), 0, c.rows);
  }
}

TEST(DeviceLayout, SlabsHoldTheSameRows) {
  for (const Case& c : cases()) {
    if (c.rows <= kRowInterleave) continue;
    SCOPED_TRACE(tensor_type_name(c.type) + " " + std::to_string(c.rows) + " x " + std::to_string(c.cols));
    const Matrix matrix(c.type, c.rows, c.cols, 4);
    matrix.expect_rows(matrix.repack(0, 8), 0, 8);
    matrix.expect_rows(matrix.repack(8, c.rows - 8), 8, c.rows - 8);
  }
}

// The rows that fill up the last group, and the values that fill up the last unit.
TEST(DeviceLayout, PaddingIsZero) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(tensor_type_name(c.type) + " " + std::to_string(c.rows) + " x " + std::to_string(c.cols));
    const Matrix matrix(c.type, c.rows, c.cols, 5);
    const Slab slab = matrix.repack(0, c.rows);
    const uint64_t last_rows = c.rows % kRowInterleave;
    const auto expect_zero_rows = [&](const std::vector<uint32_t>& plane, uint64_t words_per_row, uint64_t record) {
      if (last_rows == 0) return;
      uint64_t padding = 0;
      for (uint64_t w = c.rows / kRowInterleave * words_per_row * kRowInterleave; w < plane.size(); ++w) {
        if (row_of_word(w, record) < last_rows) continue;
        ASSERT_EQ(plane[w], 0u) << "word " << w;
        ++padding;
      }
      EXPECT_EQ(padding, words_per_row * (kRowInterleave - last_rows));
    };
    expect_zero_rows(slab.quants, matrix.layout.quant_words_per_row, matrix.layout.quant_words);
    expect_zero_rows(slab.scales, matrix.layout.scale_words_per_row, scale_words(matrix.layout));
    DeviceLayout whole = matrix.layout;
    whole.cols = uint64_t{whole.units} * kUnitValues;
    std::vector<float> row(whole.cols);
    for (uint64_t r = 0; r < c.rows; ++r) {
      unpack_row(whole, slab.quants, slab.scales, r, row);
      for (uint64_t i = c.cols; i < whole.cols; ++i) ASSERT_EQ(std::bit_cast<uint32_t>(row[i]), 0u);
    }
  }
}

// Words placed by hand as quant_blocks.h says, so that an error common to repack_rows and unpack_row shows.
TEST(DeviceLayout, KnownWords) {
  std::vector<std::byte> blocks;
  for (uint8_t r = 0; r < 2; ++r) {
    test::ByteWriter row;
    for (uint16_t u = 0; u < 3; ++u) {
      row.put(static_cast<uint16_t>(0x3c00 + 16 * r + u));
      for (uint8_t i = 0; i < 16; ++i) row.put(static_cast<uint8_t>(64 * r + 16 * u + i));
    }
    blocks.insert(blocks.end(), row.bytes.begin(), row.bytes.end());
  }
  const GgufTensor tensor{
      .name = "t", .dims = {96, 2, 1, 1}, .dim_count = 2, .type = TensorType::kQ4_0, .data = blocks};
  const DeviceLayout layout = device_layout_for(tensor).value();
  EXPECT_EQ(layout.units, 3u);
  EXPECT_EQ(layout.quant_words_per_row, 12u);
  EXPECT_EQ(layout.scale_words_per_row, 2u);
  std::vector<uint32_t> quants(layout.quant_plane_words(2)), scales(layout.scale_plane_words(2));
  ASSERT_EQ(quants.size(), 96u);
  ASSERT_EQ(scales.size(), 16u);
  repack_rows(tensor, 0, 2, layout, quants, scales);
  EXPECT_EQ(quants[0], 0x03020100u);
  EXPECT_EQ(quants[1], 0x07060504u);
  EXPECT_EQ(quants[4], 0x43424140u);               // word 0 of row 1
  EXPECT_EQ(quants[1 * 32 + 1], 0x17161514u);      // word 1 of unit 1
  EXPECT_EQ(quants[2 * 32 + 4 + 3], 0x6f6e6d6cu);  // word 3 of unit 2 of row 1
  EXPECT_EQ(quants[8], 0u);
  EXPECT_EQ(scales[0], 0x3c013c00u);
  EXPECT_EQ(scales[8], 0x3c02u);  // the odd unit is absent
  EXPECT_EQ(scales[9], 0x3c12u);
}

// The comparison above can fail: a change of any one word of a plane shows in the values of its row and in no other.
TEST(DeviceLayout, EveryWordMatters) {
  for (const TensorType type : all_types()) {
    SCOPED_TRACE(tensor_type_name(type));
    const Matrix matrix(type, 8, 256, 6);
    Slab slab = matrix.repack(0, 8);
    std::vector<float> row(256);
    const auto changed_rows = [&] {
      uint64_t changed = 0;
      for (uint64_t r = 0; r < 8; ++r) {
        unpack_row(matrix.layout, slab.quants, slab.scales, r, row);
        const float* expected = matrix.reference.data() + r * 256;
        if (std::memcmp(row.data(), expected, 256 * sizeof(float)) != 0) changed |= uint64_t{1} << r;
      }
      return changed;
    };
    const auto check = [&](std::vector<uint32_t>& plane, uint64_t record_words) {
      for (size_t w = 0; w < plane.size(); ++w) {
        plane[w] ^= 0x00000100;
        ASSERT_EQ(changed_rows(), uint64_t{1} << row_of_word(w, record_words)) << "word " << w;
        plane[w] ^= 0x00000100;
      }
    };
    check(slab.quants, matrix.layout.quant_words);
    check(slab.scales, scale_words(matrix.layout));
  }
}

TEST(DeviceLayout, Sizes) {
  const DeviceLayout q6 = device_layout(WeightType::kQ6_K, 10, 512).value();
  EXPECT_EQ(q6.units, 16u);
  EXPECT_EQ(q6.quant_words_per_row, 96u);
  EXPECT_EQ(q6.scale_words_per_row, 10u);
  EXPECT_EQ(q6.quant_plane_words(10), 16u * 96u);
  EXPECT_EQ(q6.total_bytes(), 4u * 16u * 106u);
  EXPECT_EQ(device_layout(WeightType::kF32, 1, 33).value().quant_words_per_row, 64u);
  EXPECT_EQ(device_layout(WeightType::kF16, 1, 33).value().scale_plane_words(1), 0u);
}

TEST(DeviceLayout, TypesWithoutOne) {
  EXPECT_FALSE(weight_type_for(TensorType::kQ8_K));
  EXPECT_FALSE(weight_type_for(static_cast<TensorType>(43)));
  const std::vector<std::byte> data(292);
  const GgufTensor tensor{.name = "t", .dims = {256, 1, 1, 1}, .dim_count = 2, .type = TensorType::kQ8_K, .data = data};
  EXPECT_EQ(device_layout_for(tensor).error().message,
            "tensor \"t\" is of type Q8_K, which has no kernels; quantise to another type");
  EXPECT_EQ(device_layout(WeightType::kQ4_K, 1, 128).error().message,
            "rows of 128 values are not a multiple of the 256 of a block of Q4_K");
  EXPECT_EQ(device_layout(WeightType::kF32, UINT64_MAX, 1).error().status, Status::kUnsupported);
  EXPECT_EQ(device_layout(WeightType::kF32, 1, UINT64_MAX).error().status, Status::kUnsupported);
}

// Of a whole tensor, which NVFP4 has beside the scales of its blocks.
TEST(DeviceLayout, TheScaleOfATensor) {
  Matrix matrix(TensorType::kNVFP4, 9, 192, 8);
  matrix.tensor.scale = 0.75f;
  for (float& value : matrix.reference) value *= 0.75f;
  matrix.expect_rows(matrix.repack(0, 9), 0, 9);
}

// A floor far below what any machine does with optimisation, so that only a change of kind (a call per value) fails.
TEST(DeviceLayout, RepackSpeed) {
  for (const TensorType type : all_types()) {
    const uint64_t rows = 256, cols = 4096;
    const std::vector<std::byte> blocks = random_blocks(type, rows * cols, 1);
    const GgufTensor tensor{.name = "t", .dims = {cols, rows, 1, 1}, .dim_count = 2, .type = type, .data = blocks};
    const DeviceLayout layout = device_layout_for(tensor).value();
    std::vector<uint32_t> quants(layout.quant_plane_words(rows)), scales(layout.scale_plane_words(rows));
    double best = 1e9;
    for (int repeat = 0; repeat < 5; ++repeat) {
      const auto start = std::chrono::steady_clock::now();
      repack_rows(tensor, 0, rows, layout, quants, scales);
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    const double megabytes = static_cast<double>(blocks.size()) / 1e6;
    RecordProperty(tensor_type_name(type) + "_MB_per_s", std::to_string(megabytes / best));
    std::printf("%-7s %8.0f MB/s of GGUF blocks on one core\n", tensor_type_name(type).c_str(), megabytes / best);
    EXPECT_GT(megabytes / best, 1.0);
  }
}

}  // namespace pumice::device_layout_test
