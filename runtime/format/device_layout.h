// The device layout of weight matrices: from GGUF blocks to the two planes that the kernels read.
//
// Contract and word order: shaders/shared/quant_blocks.h. Rows are stored in groups of kRowInterleave (8); a matrix
// that is too large for one buffer lies in several slabs, each a run of whole groups with planes of its own.
// Thread rule: pure functions; several threads may repack different slabs of one matrix.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"
#include "format/gguf.h"
#include "shared/quant_blocks.h"

namespace pumice {

const char* weight_type_name(WeightType type);  // "Q4_K"

// The weight type that a tensor becomes on the device; nullopt for a type without kernels.
std::optional<WeightType> weight_type_for(TensorType type);

struct DeviceLayout {
  WeightType weight_type = WeightType::kF32;
  uint64_t rows = 0;                 // of the whole matrix, without padding
  uint64_t cols = 0;                 // values of a row, without padding
  uint32_t units = 0;                // of kUnitValues values a row
  uint32_t quant_words = 0;          // words of a unit in the quant plane
  uint32_t quant_words_per_row = 0;  // units * quant_words
  uint32_t scale_words_per_row = 0;  // 0 for F32, F16 and BF16, which have no scale plane

  static uint64_t padded_rows(uint64_t row_count) {
    return (row_count + kRowInterleave - 1) / kRowInterleave * kRowInterleave;
  }
  // Words of each plane of a slab of row_count rows (padded to whole groups of rows).
  uint64_t quant_plane_words(uint64_t row_count) const { return padded_rows(row_count) * quant_words_per_row; }
  uint64_t scale_plane_words(uint64_t row_count) const { return padded_rows(row_count) * scale_words_per_row; }
  uint64_t total_bytes() const { return 4 * (quant_plane_words(rows) + scale_plane_words(rows)); }
};

// The layout of a matrix of rows x cols; cols must be whole blocks of a quantised type. Fails for types without a
// weight type and for rows of 2^26 values or more.
Result<DeviceLayout> device_layout(WeightType type, uint64_t rows, uint64_t cols);

// The layout that `tensor` has on the device; dimensions 1 to 3 together are its rows.
Result<DeviceLayout> device_layout_for(const GgufTensor& tensor);

// Repacks rows first_row .. first_row + row_count - 1 of `tensor` into the planes of one slab, whose first row is
// first_row. `layout` is device_layout_for(tensor); first_row must be a multiple of 8, and row_count too unless the
// slab ends the matrix. The planes must hold quant_plane_words(row_count) and scale_plane_words(row_count) words, all
// of which are written, each once (they may be write-combined device memory); padding is zero.
void repack_rows(const GgufTensor& tensor, uint64_t first_row, uint64_t row_count, const DeviceLayout& layout,
                 std::span<uint32_t> quant_plane, std::span<uint32_t> scale_plane);

// Reads row `row` of a slab back (row 0 is the slab's first): layout.cols floats. A plain reference for tests.
void unpack_row(const DeviceLayout& layout, std::span<const uint32_t> quant_plane,
                std::span<const uint32_t> scale_plane, uint64_t row, std::span<float> values);

}  // namespace pumice
