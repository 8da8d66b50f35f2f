// DeviceCaps: what a Vulkan device can do, as plain data, so that choices over it are pure functions and tests can mask
// any capability to force a fallback path.
#pragma once

#include <cstdint>
#include <string>

namespace pumice::vk {

enum class DeviceType : int32_t { kOther = 0, kIntegrated = 1, kDiscrete = 2, kVirtual = 3, kCpu = 4 };

struct DeviceCaps {
  uint32_t index = 0;  // as the loader enumerates
  std::string name;
  std::string driver;  // name and version
  std::string uuid;    // 8-4-4-4-12 hexadecimal digits
  DeviceType type = DeviceType::kOther;
  uint32_t vendor_id = 0, device_id = 0, driver_version = 0, api_version = 0;
  std::string unusable_reason;  // empty: usable

  uint64_t memory_bytes = 0;  // largest device-local heap
  uint64_t budget_bytes = 0;  // what of it this process may use; memory_bytes when the driver does not say

  // Lanes of a subgroup. Compute pipelines are created with exactly this size where the driver lets us choose or has
  // but one; fixed_subgroup says that this holds.
  uint32_t subgroup_size = 1;
  bool fixed_subgroup = false;
  bool subgroup_size_control = false;  // a required size must be named at pipeline creation
  bool subgroup_shuffle = false;       // subgroup arithmetic and shuffle in compute shaders

  uint64_t max_storage_range = 0;  // bytes of one storage buffer binding
  uint64_t storage_alignment = 1;  // of a binding's offset
  uint64_t max_allocation = 0;     // bytes of one device allocation
  uint32_t max_workgroup_invocations = 128;
  uint32_t max_shared_bytes = 16384;
  uint32_t max_groups[3] = {65535, 65535, 65535};

  double timestamp_period_ns = 0;  // 0: no timestamps
  uint64_t timestamp_mask = 0;
  uint8_t pipeline_cache_uuid[16] = {};
};

}  // namespace pumice::vk
