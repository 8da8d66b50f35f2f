// TestMatrix: a weight matrix of random blocks, on the host as floats and on the device in its layout.
//
// Thread rule: one thread. The device outlives the matrix.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "format/dequantize.h"
#include "model/uploader.h"
#include "support/gguf_writer.h"

namespace pumice::test {

// One for each weight type, in the order of kWeight….
inline constexpr TensorType kWeightTensorTypes[] = {
    TensorType::kF32,  TensorType::kF16,  TensorType::kBF16, TensorType::kQ8_0, TensorType::kQ4_0, TensorType::kQ4_1,
    TensorType::kQ5_0, TensorType::kQ5_1, TensorType::kQ4_K, TensorType::kQ5_K, TensorType::kQ6_K, TensorType::kMXFP4,
    TensorType::kIQ4_NL, TensorType::kIQ4_XS, TensorType::kQ3_K, TensorType::kQ2_K, TensorType::kIQ3_S,
    TensorType::kIQ3_XXS, TensorType::kIQ2_S, TensorType::kIQ1_S, TensorType::kNVFP4, TensorType::kQ2_0,
    TensorType::kQ1_0};

inline bool is_quantised(TensorType type) { return tensor_type_info(type)->block_values > 1; }

struct TestMatrix {
  uint32_t rows = 0, cols = 0;
  std::vector<float> values;  // (rows, cols)
  WeightMatrix weights;
  // How far a value d * q + m of the device may lie from the host's: three roundings each, of terms that for every type
  // are at most three times as large as the largest value (Q4_0: 15 d and 8 d for at most 8 d). 0 where the values are
  // stored.
  double value_error = 0;
};

// The values with one of them wrong by a tenth of the largest, in the middle row, where the input `x` (its first row)
// is largest.
inline std::vector<float> with_wrong_value(const TestMatrix& matrix, std::span<const float> x) {
  const auto larger = [](float a, float b) { return std::fabs(a) < std::fabs(b); };
  const auto col = std::max_element(x.begin(), x.begin() + matrix.cols, larger) - x.begin();
  std::vector<float> values = matrix.values;
  const float highest = std::fabs(*std::max_element(values.begin(), values.end(), larger));
  values[matrix.rows / 2 * matrix.cols + static_cast<size_t>(col)] += 0.1f * highest;
  return values;
}

// Several parts: the rows are cut after part_rows into stacked tensors, as fused projections are.
inline TestMatrix make_matrix(vk::Device& device, TensorType type, uint32_t rows, uint32_t cols, uint32_t seed,
                              uint32_t part_rows = 0) {
  TestMatrix matrix{.rows = rows, .cols = cols};
  matrix.values.resize(size_t{rows} * cols);
  const std::vector<std::byte> bytes = random_blocks(type, matrix.values.size(), seed);
  dequantize_blocks(type, bytes, matrix.values);
  double highest = 0;
  for (const float value : matrix.values) highest = std::max(highest, std::fabs(static_cast<double>(value)));
  if (is_quantised(type)) matrix.value_error = 6 * 3 * highest * 0x1p-24;

  std::vector<GgufTensor> tensors;
  const size_t row_bytes = bytes.size() / rows;
  for (uint32_t from = 0; from < rows;) {
    const uint32_t count = part_rows == 0 ? rows : std::min(part_rows, rows - from);
    tensors.push_back({.name = "weight",
                       .dims = {cols, count, 1, 1},
                       .dim_count = 2,
                       .type = type,
                       .data = std::span(bytes).subspan(from * row_bytes, count * row_bytes)});
    from += count;
  }
  std::vector<const GgufTensor*> parts;
  for (const GgufTensor& tensor : tensors) parts.push_back(&tensor);
  auto uploader = Uploader::create(device);
  EXPECT_TRUE(uploader.ok());
  if (!uploader) return matrix;
  auto uploaded = uploader->upload_matrix(parts);
  EXPECT_TRUE(uploaded.ok()) << (uploaded ? "" : uploaded.error().message);
  if (uploaded) matrix.weights = std::move(*uploaded);
  EXPECT_TRUE(uploader->finish().ok());
  return matrix;
}

}  // namespace pumice::test
