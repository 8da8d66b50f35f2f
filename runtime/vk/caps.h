// DeviceCaps: what a Vulkan device can do, as plain data, so that choices over it are pure functions and tests can mask
// any capability to force a fallback path.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace pumice::vk {

enum class DeviceType : int32_t { kOther = 0, kIntegrated = 1, kDiscrete = 2, kVirtual = 3, kCpu = 4 };

enum class ComponentType : int32_t { kOther = 0, kF16 = 1, kF32 = 2, kBF16 = 3, kS8 = 4, kU8 = 5, kS32 = 6, kU32 = 7 };

// A matrix size of VK_KHR_cooperative_matrix: result (m, n) = a (m, k) * b (k, n) + c, by one subgroup.
struct CooperativeMatrix {
  uint32_t m = 0, n = 0, k = 0;
  ComponentType a = ComponentType::kOther, b = ComponentType::kOther, c = ComponentType::kOther;
  ComponentType result = ComponentType::kOther;
};

struct EnvironmentVariable {
  std::string name, value;
};

struct DeviceCaps {
  uint32_t index = 0;  // as the loader enumerates
  std::string name;
  std::string driver;  // name and version
  std::string uuid;    // 8-4-4-4-12 hexadecimal digits
  DeviceType type = DeviceType::kOther;
  uint32_t vendor_id = 0, device_id = 0, driver_version = 0, api_version = 0;
  uint32_t driver_id = 0;                         // a VkDriverId
  uint32_t driver_major = 0, driver_minor = 0;    // driver_version as this driver packs it
  std::string unusable_reason;                    // empty: usable
  Status unusable_status = Status::kUnsupported;  // another where asking it has failed
  std::vector<EnvironmentVariable> environment;   // a process that has these could use it

  uint32_t queue_family = 0;  // the first with compute

  uint64_t memory_bytes = 0;  // largest device-local heap
  uint64_t budget_bytes = 0;  // what of it this process may use; memory_bytes when the driver does not say
  bool memory_budget = false;  // the driver says it, VK_EXT_memory_budget

  // The host can write all of the device's memory directly; false: uploads go through staging.
  bool mapped_device_memory = false;

  // Lanes of a subgroup. Compute pipelines are created with exactly this size where the driver lets us choose or has
  // but one; fixed_subgroup says that this holds.
  uint32_t subgroup_size = 1;
  bool fixed_subgroup = false;
  bool subgroup_size_control = false;  // a required size must be named at pipeline creation
  bool subgroup_shuffle = false;       // subgroup arithmetic, shuffle and broadcast in compute shaders
  uint32_t min_subgroup_size = 1, max_subgroup_size = 1;  // that can be required; both subgroup_size without control

  bool int64 = false;                                         // 64-bit integers
  bool buffer_address = false;                                // of a CPU: shaders may read memory by its address
  bool float16 = false;                                       // arithmetic in f16
  bool storage16 = false;                                     // 16-bit values in storage buffers
  bool integer_dot = false, integer_dot_accelerated = false;  // dot products of 4 packed signed bytes
  std::vector<CooperativeMatrix> cooperative_matrices;        // empty: not offered, or the Vulkan memory model is not
  bool cooperative_matrix2 = false;  // VK_NV_cooperative_matrix2 with all that its matmul and attention need

  bool executable_properties = false;  // the driver's statistics of a pipeline
  bool portability_subset = false;     // not all of Vulkan (MoltenVK): VK_KHR_portability_subset must be enabled

  uint64_t max_storage_range = 0;  // bytes of one storage buffer binding
  uint64_t storage_alignment = 1;  // of a binding's offset
  uint64_t max_allocation = 0;     // bytes of one device allocation
  uint32_t max_workgroup_invocations = 128;
  uint32_t max_shared_bytes = 16384;
  uint32_t max_push_bytes = 128;
  uint32_t max_groups[3] = {65535, 65535, 65535};

  double timestamp_period_ns = 0;  // 0: no timestamps
  uint64_t timestamp_mask = 0;
  uint8_t pipeline_cache_uuid[16] = {};
};

// What a driver says, as far as it can be: numbers beyond any device's are cut, offers that contradict themselves are
// not taken, and a device with less than Vulkan demands of it gets an unusable_reason. Pure.
DeviceCaps believable(DeviceCaps caps);

Result<void> check_usable(const DeviceCaps& caps);

}  // namespace pumice::vk
