// Uploader: from the model file to device buffers.
#pragma once

#include <functional>
#include <span>

#include "format/device_layout.h"
#include "kernels/weights.h"

namespace pumice {

// Brings data to device buffers through one staging buffer; where the device's memory is the host's, without.
// One thread at a time. finish() before the buffers are used.
class Uploader {
 public:
  static Result<Uploader> create(vk::Device& device);

  // Matrices of one type and row length, stacked: all but the last have a multiple of 8 rows.
  Result<WeightMatrix> upload_matrix(std::span<const GgufTensor* const> parts);
  // Any bytes.
  Result<vk::Buffer> upload_bytes(std::span<const std::byte> bytes);
  Result<void> finish();

 private:
  explicit Uploader(vk::Device& device) : device_(&device) {}
  Result<void> write(const vk::Buffer& target, uint64_t bytes, const std::function<void(std::byte*)>& fill);

  vk::Device* device_;
  vk::Buffer staging_;
  vk::CommandStream stream_;
};

// Rows of one slab such that no binding is larger than the device's limit.
uint64_t rows_per_slab(const vk::DeviceCaps& caps, const DeviceLayout& layout);

}  // namespace pumice
