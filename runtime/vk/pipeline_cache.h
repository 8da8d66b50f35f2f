// The pipeline cache file: the driver's own data, bound to this device and driver (vk/device_file.h).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "vk/caps.h"

namespace pumice::vk {

// Empty when there is none that fits.
std::vector<std::byte> read_pipeline_cache(const std::string& path, const DeviceCaps& caps);

// Written whole or not at all (a temporary file, then a rename). Makes no folders.
Result<void> write_pipeline_cache(const std::string& path, const DeviceCaps& caps, std::span<const std::byte> data);

}  // namespace pumice::vk
