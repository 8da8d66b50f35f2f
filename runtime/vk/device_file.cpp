#include "vk/device_file.h"

#include <cstring>

#include "base/file.h"
#include "base/hash.h"

namespace pumice::vk {
namespace {

constexpr uint64_t kMostFileBytes = 1u << 30;  // beyond what any driver makes

struct Header {
  char magic[8] = {};
  uint64_t build = 0;
  uint32_t vendor_id = 0, device_id = 0, driver_version = 0, reserved = 0;
  uint8_t cache_uuid[16] = {};
  uint64_t size = 0, checksum = 0;
};

Header header_for(const DeviceFileKind& kind, const DeviceCaps& caps, std::span<const std::byte> data) {
  Header header;
  kind.magic.copy(header.magic, sizeof header.magic);
  header.build = kind.build;
  header.vendor_id = caps.vendor_id;
  header.device_id = caps.device_id;
  header.driver_version = caps.driver_version;
  std::memcpy(header.cache_uuid, caps.pipeline_cache_uuid, sizeof header.cache_uuid);
  header.size = data.size();
  header.checksum = checksum64(data);
  return header;
}

}  // namespace

std::vector<std::byte> read_device_file(const DeviceFileKind& kind, const std::string& path, const DeviceCaps& caps) {
  if (path.empty()) return {};
  const Result<File> file = File::open(path, FileAccess::kRead);
  if (!file) return {};
  const Result<uint64_t> size = file->size();
  if (!size || *size < sizeof(Header) || *size > kMostFileBytes) return {};
  Header header;
  std::vector<std::byte> data(*size - sizeof header);
  const auto head = std::as_writable_bytes(std::span(&header, 1));
  if (!file->read_at(0, head) || !file->read_at(sizeof header, data)) return {};
  const Header expected = header_for(kind, caps, data);
  if (std::memcmp(&header, &expected, sizeof expected) != 0) return {};
  return data;
}

Result<void> write_device_file(const DeviceFileKind& kind, const std::string& path, const DeviceCaps& caps,
                               std::span<const std::byte> data) {
  const Header header = header_for(kind, caps, data);
  PUMICE_ASSIGN(NewFile file, NewFile::create(path));
  PUMICE_TRY(file.write(std::as_bytes(std::span(&header, 1))));
  PUMICE_TRY(file.write(data));
  return file.commit();
}

}  // namespace pumice::vk
