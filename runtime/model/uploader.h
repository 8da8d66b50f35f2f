// Uploader: from the model file to device buffers.
#pragma once

#include <deque>
#include <span>
#include <vector>

#include "format/device_layout.h"
#include "kernels/weights.h"
#include "model/upload_run.h"

namespace pumice {

struct UploaderOptions {
  const Gguf* file = nullptr;  // whose tensors are uploaded; null: tensors in memory
  uint32_t threads = 0;        // that repack; 0: one for each core, as far as kUploadHostBytes allows
};

// Takes uploads, then brings all of them with finish(): buffers come first, so that too little device memory is known
// before anything is read, and then the pieces in the order of the file, whichever tensor they belong to.
// One thread at a time. Tensors, their file and the buffers stay until finish(), which comes before their use.
class Uploader {
 public:
  static Result<Uploader> create(vk::Device& device, UploaderOptions options = {});

  // Matrices of one type and row length, stacked: all but the last have a multiple of 8 rows.
  // Slabs begin at multiples of `unit` rows.
  Result<WeightMatrix> upload_matrix(std::span<const GgufTensor* const> parts, uint64_t unit = kRowInterleave,
                                     vk::MemoryIntent memory = vk::MemoryIntent::kWeights);
  // A copy of any bytes, kept in host memory until finish(): for small things.
  Result<vk::Buffer> upload_bytes(std::span<const std::byte> bytes);
  // Status::kCancelled where `progress` asks for it, Status::kIo where the file cannot be read. Whatever the result,
  // no thread, host memory or copy in flight is left, and the uploader is as new; buffers are the caller's to drop.
  Result<void> finish(const LoadProgress& progress = {});

 private:
  Uploader(vk::Device& device, UploaderOptions options) : device_(&device), options_(options) {}
  void add_rows(const GgufTensor& tensor, const DeviceLayout& layout, uint64_t first_row, uint64_t rows,
                const UploadPiece& place);

  vk::Device* device_;
  UploaderOptions options_;
  std::vector<UploadPiece> pieces_;
  std::deque<std::vector<std::byte>> copies_;
};

// Rows of one slab such that no binding is larger than the device's limit.
uint64_t rows_per_slab(const vk::DeviceCaps& caps, const DeviceLayout& layout);

}  // namespace pumice
