#include "model/uploader.h"

#include <algorithm>
#include <cstring>

namespace pumice {

uint64_t rows_per_slab(const vk::DeviceCaps& caps, const DeviceLayout& layout) {
  const uint64_t limit = std::min({caps.max_storage_range, std::max<uint64_t>(caps.max_allocation, uint64_t{1} << 24),
                                   uint64_t{4} << 30}) -
                         4;
  const uint64_t group = 4 * (layout.quant_plane_words(kRowInterleave) + layout.scale_plane_words(kRowInterleave));
  return std::max<uint64_t>(1, limit / std::max<uint64_t>(group, 1)) * kRowInterleave;
}

Result<Uploader> Uploader::create(vk::Device& device) {
  Uploader uploader(device);
  PUMICE_ASSIGN(uploader.stream_, vk::CommandStream::create(device));
  return uploader;
}

Result<void> Uploader::write(const vk::Buffer& target, uint64_t bytes, const std::function<void(std::byte*)>& fill) {
  if (target.mapped()) {
    fill(target.mapped());
    return {};
  }
  if (staging_.size() < bytes) {
    staging_ = vk::Buffer();
    PUMICE_ASSIGN(staging_, device_->create_buffer(bytes, vk::MemoryIntent::kUpload));
  }
  fill(staging_.mapped());
  stream_.begin();
  stream_.copy({staging_, 0, bytes}, {target, 0, bytes});
  PUMICE_TRY(stream_.end());
  const VkCommandBuffer commands = stream_.handle();
  PUMICE_ASSIGN(const uint64_t value, device_->submit({&commands, 1}));
  PUMICE_ASSIGN(const bool reached, device_->wait(value));
  (void)reached;
  return {};
}

Result<WeightMatrix> Uploader::upload_matrix(std::span<const GgufTensor* const> parts) {
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
  const uint64_t slab_rows = rows_per_slab(device_->caps(), whole);
  for (uint64_t first = 0; first < whole.rows; first += slab_rows) {
    const uint64_t rows = std::min(slab_rows, whole.rows - first);
    const uint64_t quant_words = whole.quant_plane_words(rows), scale_words = whole.scale_plane_words(rows);
    WeightSlab slab;
    slab.first_row = static_cast<uint32_t>(first);
    slab.rows = static_cast<uint32_t>(rows);
    slab.scale_offset = static_cast<uint32_t>(quant_words);
    PUMICE_ASSIGN(slab.buffer, device_->create_buffer(4 * (quant_words + scale_words), vk::MemoryIntent::kDevice));
    PUMICE_TRY(write(slab.buffer, slab.buffer.size(), [&](std::byte* bytes) {
      auto* words = reinterpret_cast<uint32_t*>(bytes);
      uint64_t part_first = 0;
      for (size_t i = 0; i < parts.size(); part_first += layouts[i].rows, ++i) {
        const uint64_t from = std::max(first, part_first), to = std::min(first + rows, part_first + layouts[i].rows);
        if (from >= to) continue;
        const uint64_t at = from - first;
        repack_rows(*parts[i], from - part_first, to - from, layouts[i],
                    {words + whole.quant_plane_words(at), layouts[i].quant_plane_words(to - from)},
                    {words + quant_words + whole.scale_plane_words(at), layouts[i].scale_plane_words(to - from)});
      }
    }));
    matrix.slabs.push_back(std::move(slab));
  }
  return matrix;
}

Result<vk::Buffer> Uploader::upload_bytes(std::span<const std::byte> bytes) {
  PUMICE_ASSIGN(vk::Buffer buffer, device_->create_buffer(bytes.size(), vk::MemoryIntent::kDevice));
  if (!bytes.empty())
    PUMICE_TRY(write(buffer, bytes.size(), [&](std::byte* to) { std::memcpy(to, bytes.data(), bytes.size()); }));
  return buffer;
}

Result<void> Uploader::finish() {
  staging_ = vk::Buffer();
  return {};
}

}  // namespace pumice
