// Repacking into the device layout. Per group of 8 rows, a tile of a few units is put together in cache and then
// written in one run, so that the planes are written front to back, once.
#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>
#include <type_traits>

#include "format/device_layout.h"
#include "format/repack_formats.h"

namespace pumice {
namespace {

using namespace repacking;

template <typename Format>
constexpr uint32_t step_scale_words() {
  if constexpr (requires { Format::kScaleRecords; }) return Format::kScaleRecords * Format::kScaleWords;
  return Format::kScaleWords;
}

// One group of up to 8 rows, `rows` of them present.
template <typename Format>
void repack_group(Bytes first_row, uint64_t row_bytes, uint64_t rows, const DeviceLayout& layout,
                  [[maybe_unused]] float tensor_scale, uint32_t* quant, uint32_t* scale) {
  constexpr uint32_t kQuants = Format::kStepUnits * Format::kQuantWords, kScales = step_scale_words<Format>();
  uint32_t quant_tile[kQuants * kRowInterleave] = {};
  uint32_t scale_tile[std::max(kScales, 1u) * kRowInterleave] = {};
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
      const Lane<Format::kScaleWords> scales{scale_tile, lane};
      Format::pack(source, {quant_tile, lane}, scales);
      if constexpr (std::is_same_v<Format, NVFP4Format>) scales[4] = std::bit_cast<uint32_t>(tensor_scale);
    }
    const uint32_t units = std::min(units_left, Format::kStepUnits);
    const size_t quant_words = size_t{units} * Format::kQuantWords * kRowInterleave;
    std::memcpy(quant, quant_tile, quant_words * 4);
    quant += quant_words;
    units_left -= units;
    if constexpr (kScales > 0) {
      std::memcpy(scale, scale_tile, sizeof(scale_tile));
      scale += kScales * kRowInterleave;
    }
  }
}

// Rows of a tensor to the planes of a slab.
struct Rows {
  const GgufTensor& tensor;
  uint64_t first, count;
  const DeviceLayout& layout;
  uint32_t *quant, *scale;
};

template <typename Format>
void repack(const Rows& rows) {
  const uint64_t row_bytes = rows.tensor.row_bytes();
  const Bytes bytes = reinterpret_cast<Bytes>(rows.tensor.data.data());
  for (uint64_t row = 0; row < rows.count; row += kRowInterleave) {
    repack_group<Format>(bytes + (rows.first + row) * row_bytes, row_bytes,
                         std::min<uint64_t>(kRowInterleave, rows.count - row), rows.layout, rows.tensor.scale,
                         rows.quant + row * rows.layout.quant_words_per_row,
                         rows.scale + row * rows.layout.scale_words_per_row);
  }
}

struct Repacker {
  TensorType type;
  void (*run)(const Rows& rows);
};
constexpr Repacker kRepackers[] = {
    {TensorType::kF32, repack<PlainFormat<128>>},
    {TensorType::kF16, repack<PlainFormat<64>>},
    {TensorType::kBF16, repack<PlainFormat<64>>},
    {TensorType::kQ8_0, repack<PairFormat<8, 0>>},
    {TensorType::kQ4_0, repack<PairFormat<4, 0>>},
    {TensorType::kQ5_0, repack<PairFormat<5, 1>>},
    {TensorType::kQ4_1, repack<OffsetFormat<4, 0>>},
    {TensorType::kQ5_1, repack<OffsetFormat<5, 1>>},
    {TensorType::kQ4_K, repack<Q4KFormat>},
    {TensorType::kQ5_K, repack<Q5KFormat>},
    {TensorType::kQ6_K, repack<Q6KFormat>},
    {TensorType::kMXFP4, repack<MXFP4Format>},
    {TensorType::kIQ4_NL, repack<PairFormat<4, 0>>},
    {TensorType::kIQ4_XS, repack<IQ4XSFormat>},
    {TensorType::kQ3_K, repack<Q3KFormat>},
    {TensorType::kQ2_K, repack<Q2KFormat>},
    {TensorType::kIQ3_S, repack<Coded4Format<110, read_iq3_s>>},
    {TensorType::kIQ3_XXS, repack<Coded4Format<98, read_iq3_xxs>>},
    {TensorType::kIQ2_S, repack<Coded3Format<82, read_iq2_s>>},
    {TensorType::kIQ2_XS, repack<Coded3Format<74, read_iq2_xs>>},
    {TensorType::kIQ2_XXS, repack<Coded3Format<66, read_iq2_xxs>>},
    {TensorType::kIQ1_M, repack<Coded3Format<56, read_iq1_m>>},
    {TensorType::kIQ1_S, repack<Coded3Format<50, read_iq1_s>>},
    {TensorType::kNVFP4, repack<NVFP4Format>},
    {TensorType::kTQ1_0, repack<TQ10Format>},
    {TensorType::kTQ2_0, repack<TQ20Format>},
    {TensorType::kQ2_0, repack<BitsFormat<2>>},
    {TensorType::kQ1_0, repack<BitsFormat<1>>},
};

}  // namespace

void repack_rows(const GgufTensor& tensor, uint64_t first_row, uint64_t row_count, const DeviceLayout& layout,
                 std::span<uint32_t> quant_plane, std::span<uint32_t> scale_plane) {
  PUMICE_CHECK(layout.weight_type == weight_type_for(tensor.type) && layout.cols == tensor.cols());
  PUMICE_CHECK(first_row <= tensor.rows() && row_count <= tensor.rows() - first_row);
  PUMICE_CHECK(first_row % kRowInterleave == 0);
  PUMICE_CHECK(row_count % kRowInterleave == 0 || first_row + row_count == tensor.rows());
  PUMICE_CHECK(quant_plane.size() == layout.quant_plane_words(row_count));
  PUMICE_CHECK(scale_plane.size() == layout.scale_plane_words(row_count));
  const auto repacker = std::find_if(std::begin(kRepackers), std::end(kRepackers),
                                     [&](const Repacker& candidate) { return candidate.type == tensor.type; });
  PUMICE_CHECK(repacker != std::end(kRepackers));
  repacker->run({.tensor = tensor,
                 .first = first_row,
                 .count = row_count,
                 .layout = layout,
                 .quant = quant_plane.data(),
                 .scale = scale_plane.data()});
}

}  // namespace pumice
