#include "vk/pipeline_cache.h"

#include "vk/device_file.h"

namespace pumice::vk {
namespace {

constexpr DeviceFileKind kKind{.magic = "pumpc002"};

}  // namespace

std::vector<std::byte> read_pipeline_cache(const std::string& path, const DeviceCaps& caps) {
  return read_device_file(kKind, path, caps);
}

Result<void> write_pipeline_cache(const std::string& path, const DeviceCaps& caps, std::span<const std::byte> data) {
  return write_device_file(kKind, path, caps, data);
}

}  // namespace pumice::vk
