#include "vk/caps.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "vk/features.h"
#include "vk/instance.h"
#include "vk/memory.h"

namespace pumice::vk {
namespace {

std::string uuid_text(const uint8_t (&bytes)[VK_UUID_SIZE]) {
  std::string text;
  char digits[3];
  for (size_t i = 0; i < VK_UUID_SIZE; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    std::snprintf(digits, sizeof digits, "%02x", bytes[i]);
    text += digits;
  }
  return text;
}

void read_memory(VkPhysicalDevice device, DeviceCaps& caps) {
  VkPhysicalDeviceMemoryBudgetPropertiesEXT budget{.sType =
                                                       VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT};
  const bool known = has_extension(device, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
  VkPhysicalDeviceMemoryProperties2 memory{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
                                           .pNext = known ? &budget : nullptr};
  vkGetPhysicalDeviceMemoryProperties2(device, &memory);
  for (uint32_t i = 0; i < memory.memoryProperties.memoryHeapCount; ++i) {
    const VkMemoryHeap& heap = memory.memoryProperties.memoryHeaps[i];
    if (!(heap.flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) || heap.size <= caps.memory_bytes) continue;
    caps.memory_bytes = heap.size;
    caps.budget_bytes = known && budget.heapBudget[i] ? budget.heapBudget[i] : heap.size;
  }
  caps.mapped_device_memory = host_reaches_device_memory(memory.memoryProperties);
}

void read_subgroups(VkPhysicalDevice device, const VkPhysicalDeviceSubgroupProperties& subgroup, DeviceCaps& caps) {
  VkPhysicalDeviceSubgroupSizeControlPropertiesEXT control{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES_EXT};
  VkPhysicalDeviceSubgroupSizeControlFeaturesEXT features{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT};
  const bool extension = has_extension(device, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);
  if (extension) {
    VkPhysicalDeviceProperties2 properties{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &control};
    vkGetPhysicalDeviceProperties2(device, &properties);
    VkPhysicalDeviceFeatures2 wanted{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &features};
    vkGetPhysicalDeviceFeatures2(device, &wanted);
  }
  caps.subgroup_size = std::max(1u, subgroup.subgroupSize);
  // Where there is but one size it need not be demanded, and some drivers then do not let it be.
  const bool one_size = control.minSubgroupSize == control.maxSubgroupSize;
  const bool choosable = extension && features.subgroupSizeControl && features.computeFullSubgroups &&
                         (one_size || (control.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT)) &&
                         control.minSubgroupSize <= caps.subgroup_size && caps.subgroup_size <= control.maxSubgroupSize;
  caps.subgroup_size_control = choosable && !one_size;
  caps.fixed_subgroup = choosable;
  caps.min_subgroup_size = caps.subgroup_size_control ? control.minSubgroupSize : caps.subgroup_size;
  caps.max_subgroup_size = caps.subgroup_size_control ? control.maxSubgroupSize : caps.subgroup_size;
  constexpr VkSubgroupFeatureFlags kNeeded = VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_ARITHMETIC_BIT |
                                             VK_SUBGROUP_FEATURE_SHUFFLE_BIT | VK_SUBGROUP_FEATURE_BALLOT_BIT;
  caps.subgroup_shuffle =
      (subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) && (subgroup.supportedOperations & kNeeded) == kNeeded;
}

void read_limits(const VkPhysicalDeviceLimits& limits, DeviceCaps& caps) {
  caps.max_storage_range = limits.maxStorageBufferRange;
  caps.storage_alignment = limits.minStorageBufferOffsetAlignment;
  caps.max_workgroup_invocations = limits.maxComputeWorkGroupInvocations;
  caps.max_shared_bytes = limits.maxComputeSharedMemorySize;
  std::copy_n(limits.maxComputeWorkGroupCount, 3, caps.max_groups);
}

void read_timestamps(VkPhysicalDevice device, double period, DeviceCaps& caps) {
  uint32_t count = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(device, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  vkGetPhysicalDeviceQueueFamilyProperties(device, &count, families.data());
  const auto family = std::find_if(families.begin(), families.end(), [](const VkQueueFamilyProperties& f) {
    return (f.queueFlags & VK_QUEUE_COMPUTE_BIT) != 0;
  });
  if (family == families.end()) {
    caps.unusable_reason = "no compute queue";
    return;
  }
  const uint32_t bits = family->timestampValidBits;
  if (bits == 0) return;
  caps.timestamp_period_ns = period;
  caps.timestamp_mask = bits >= 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
}

// Mesa's software driver over LLVM 18 to 21 ends the process ("Cannot emit physreg copy instruction") when it compiles
// large shaders with AVX-512 (128-bit vectors alone only make it rarer; their width tells that the advice was
// followed); seen with Mesa 25.0.7 and LLVM 19.1.7, not with 15 and 22.
bool ends_the_process(const std::string& name) {
#if defined(__x86_64__)
  const size_t at = name.find("(LLVM ");
  if (at == std::string::npos || name.find("256 bits") == std::string::npos) return false;
  const int version = std::atoi(name.c_str() + at + 6);
  return version >= 18 && version <= 21 && __builtin_cpu_supports("avx512f");
#else
  (void)name;
  return false;
#endif
}

}  // namespace

DeviceCaps read_caps(VkInstance instance, VkPhysicalDevice device, uint32_t index) {
  DeviceCaps caps;
  caps.index = index;
  VkPhysicalDeviceProperties basic;
  vkGetPhysicalDeviceProperties(device, &basic);
  caps.name = basic.deviceName;
  caps.api_version = basic.apiVersion;
  if (basic.apiVersion < VK_API_VERSION_1_2) {
    caps.unusable_reason = "its driver offers Vulkan " + std::to_string(VK_API_VERSION_MAJOR(basic.apiVersion)) + "." +
                           std::to_string(VK_API_VERSION_MINOR(basic.apiVersion)) + ", 1.2 is needed";
    return caps;
  }
  VkPhysicalDeviceMaintenance3Properties maintenance{.sType =
                                                         VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES};
  VkPhysicalDeviceSubgroupProperties subgroup{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES,
                                              .pNext = &maintenance};
  VkPhysicalDeviceIDProperties id{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES, .pNext = &subgroup};
  VkPhysicalDeviceDriverProperties driver{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES, .pNext = &id};
  VkPhysicalDeviceProperties2 properties{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &driver};
  vkGetPhysicalDeviceProperties2(device, &properties);

  constexpr DeviceType kTypes[] = {DeviceType::kOther, DeviceType::kIntegrated, DeviceType::kDiscrete,
                                   DeviceType::kVirtual, DeviceType::kCpu};
  caps.type = basic.deviceType <= 4 ? kTypes[basic.deviceType] : DeviceType::kOther;
  caps.vendor_id = basic.vendorID;
  caps.device_id = basic.deviceID;
  caps.driver_version = basic.driverVersion;
  caps.driver = std::string(driver.driverName) + " " + driver.driverInfo;
  caps.uuid = uuid_text(id.deviceUUID);
  std::memcpy(caps.pipeline_cache_uuid, basic.pipelineCacheUUID, VK_UUID_SIZE);
  caps.max_allocation = maintenance.maxMemoryAllocationSize;

  VkPhysicalDeviceTimelineSemaphoreFeatures timeline{.sType =
                                                         VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES};
  VkPhysicalDeviceFeatures2 features{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &timeline};
  vkGetPhysicalDeviceFeatures2(device, &features);
  if (!timeline.timelineSemaphore) caps.unusable_reason = "its driver has no timeline semaphores";

  if (caps.type == DeviceType::kCpu && ends_the_process(caps.name))
    caps.unusable_reason =
        "its LLVM crashes on this processor; set GALLIUM_OVERRIDE_CPU_CAPS=avx LP_NATIVE_VECTOR_WIDTH=128";

  read_limits(basic.limits, caps);
  read_memory(device, caps);
  read_subgroups(device, subgroup, caps);
  read_timestamps(device, static_cast<double>(basic.limits.timestampPeriod), caps);
  read_features(instance, device, caps);
  return caps;
}

}  // namespace pumice::vk
