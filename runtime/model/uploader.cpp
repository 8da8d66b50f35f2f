#include "model/uploader.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace pumice {
namespace {

// Source and repacked bytes of a piece together stay in a core's second-level cache, and threads share work evenly.
constexpr uint64_t kPieceBytes = uint64_t{512} << 10;

UploadPiece placed(const vk::Buffer& buffer) { return {.target = buffer.handle(), .mapped = buffer.mapped()}; }

}  // namespace

uint64_t rows_per_slab(const vk::DeviceCaps& caps, const DeviceLayout& layout) {
  const uint64_t limit = std::min({caps.max_storage_range, std::max<uint64_t>(caps.max_allocation, uint64_t{1} << 24),
                                   uint64_t{4} << 30}) -
                         4;
  const uint64_t group = 4 * (layout.quant_plane_words(kRowInterleave) + layout.scale_plane_words(kRowInterleave));
  return std::max<uint64_t>(1, limit / std::max<uint64_t>(group, 1)) * kRowInterleave;
}

Result<Uploader> Uploader::create(vk::Device& device, UploaderOptions options) { return Uploader(device, options); }

void Uploader::add_rows(const GgufTensor& tensor, const DeviceLayout& layout, uint64_t first_row, uint64_t rows,
                        const UploadPiece& place) {
  const uint64_t group_bytes =
      std::max(tensor.row_bytes() * kRowInterleave,
               4 * (layout.quant_plane_words(kRowInterleave) + layout.scale_plane_words(kRowInterleave)));
  const uint64_t step = std::max<uint64_t>(1, kPieceBytes / group_bytes) * kRowInterleave;
  for (uint64_t from = 0; from < rows; from += step) {
    const uint64_t count = std::min(step, rows - from);
    UploadPiece piece = place;
    piece.tensor = &tensor;
    piece.layout = layout;
    piece.first_row = first_row + from;
    piece.rows = count;
    piece.source = tensor.data.subspan(piece.first_row * tensor.row_bytes(), count * tensor.row_bytes());
    piece.quant_at += 4 * layout.quant_plane_words(from);
    piece.scale_at += 4 * layout.scale_plane_words(from);
    piece.quant_bytes = 4 * layout.quant_plane_words(count);
    piece.scale_bytes = 4 * layout.scale_plane_words(count);
    pieces_.push_back(piece);
  }
}

Result<WeightMatrix> Uploader::upload_matrix(std::span<const GgufTensor* const> parts, uint64_t unit,
                                             vk::MemoryIntent memory) {
  std::vector<DeviceLayout> layouts;
  for (const GgufTensor* part : parts) {
    PUMICE_ASSIGN(DeviceLayout layout, device_layout_for(*part));
    layouts.push_back(layout);
  }
  DeviceLayout whole = layouts[0];
  for (size_t i = 1; i < layouts.size(); ++i) {
    PUMICE_CHECK(layouts[i].weight_type == layouts[0].weight_type && layouts[i].cols == layouts[0].cols);
    PUMICE_CHECK(whole.rows % kRowInterleave == 0);
    whole.rows += layouts[i].rows;
  }
  WeightMatrix matrix{.type = static_cast<uint32_t>(whole.weight_type),
                      .rows = static_cast<uint32_t>(whole.rows),
                      .cols = static_cast<uint32_t>(whole.cols),
                      .units = whole.units};
  const uint64_t slab_rows = rows_per_slab(device_->caps(), whole) / unit * unit;
  if (slab_rows == 0)
    return error(Status::kUnsupported, "%llu rows of %llu weights are more than this device can bind",
                 static_cast<unsigned long long>(unit), static_cast<unsigned long long>(whole.cols));
  for (uint64_t first = 0; first < whole.rows; first += slab_rows) {
    const uint64_t rows = std::min(slab_rows, whole.rows - first);
    const uint64_t quant_words = whole.quant_plane_words(rows), scale_words = whole.scale_plane_words(rows);
    WeightSlab slab;
    slab.first_row = static_cast<uint32_t>(first);
    slab.rows = static_cast<uint32_t>(rows);
    slab.scale_offset = static_cast<uint32_t>(quant_words);
    PUMICE_ASSIGN(slab.buffer, device_->create_buffer(4 * (quant_words + scale_words), memory));
    uint64_t part_first = 0;
    for (size_t i = 0; i < parts.size(); part_first += layouts[i].rows, ++i) {
      const uint64_t from = std::max(first, part_first), to = std::min(first + rows, part_first + layouts[i].rows);
      if (from >= to) continue;
      UploadPiece place = placed(slab.buffer);
      place.quant_at = 4 * whole.quant_plane_words(from - first);
      place.scale_at = 4 * (quant_words + whole.scale_plane_words(from - first));
      add_rows(*parts[i], layouts[i], from - part_first, to - from, place);
    }
    matrix.slabs.push_back(std::move(slab));
  }
  return matrix;
}

Result<vk::Buffer> Uploader::upload_bytes(std::span<const std::byte> bytes) {
  PUMICE_ASSIGN(vk::Buffer buffer, device_->create_buffer(bytes.size(), vk::MemoryIntent::kWeights));
  const std::span<const std::byte> copy = copies_.emplace_back(bytes.begin(), bytes.end());
  for (uint64_t from = 0; from < copy.size(); from += kPieceBytes) {
    UploadPiece piece = placed(buffer);
    piece.source = copy.subspan(from, std::min<uint64_t>(kPieceBytes, copy.size() - from));
    piece.quant_at = from;
    piece.quant_bytes = piece.source.size();
    pieces_.push_back(piece);
  }
  return buffer;
}

Result<void> Uploader::finish(const LoadProgress& progress) {
  std::vector<UploadPiece> pieces = std::exchange(pieces_, {});
  const std::deque<std::vector<std::byte>> copies = std::exchange(copies_, {});
  std::sort(pieces.begin(), pieces.end(), [](const UploadPiece& a, const UploadPiece& b) {
    return std::less<const std::byte*>()(a.source.data(), b.source.data());
  });
  UploadRun run(*device_, options_.file, pieces);
  return run.run(options_.threads, progress);
}

}  // namespace pumice
