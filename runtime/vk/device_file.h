// A file of data that holds for one device, driver and kind of content alone, behind a header that says which. A file
// whose header or checksum does not fit is ignored: drivers have crashed on damaged data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vk/caps.h"

namespace pumice::vk {

struct DeviceFileKind {
  std::string_view magic;  // eight characters
  uint64_t build = 0;      // of whatever the content depends on beside the driver; 0: nothing
};

// Empty when there is none that fits.
std::vector<std::byte> read_device_file(const DeviceFileKind& kind, const std::string& path, const DeviceCaps& caps);

// Written whole or not at all. Makes no folders.
Result<void> write_device_file(const DeviceFileKind& kind, const std::string& path, const DeviceCaps& caps,
                               std::span<const std::byte> data);

}  // namespace pumice::vk
