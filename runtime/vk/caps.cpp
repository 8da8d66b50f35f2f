#include "vk/caps.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "base/printable.h"
#include "vk/enumerate.h"
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

void read_memory(const InstanceTable& table, VkPhysicalDevice device, const ExtensionList& extensions,
                 DeviceCaps& caps) {
  VkPhysicalDeviceMemoryBudgetPropertiesEXT budget{.sType =
                                                       VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT};
  const bool known = contains(extensions, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
  VkPhysicalDeviceMemoryProperties2 memory{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
                                           .pNext = known ? &budget : nullptr};
  table.vkGetPhysicalDeviceMemoryProperties2(device, &memory);
  const VkPhysicalDeviceMemoryProperties believed = believable(memory.memoryProperties);
  for (uint32_t i = 0; i < believed.memoryHeapCount; ++i) {
    const VkMemoryHeap& heap = believed.memoryHeaps[i];
    if (!(heap.flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) || heap.size <= caps.memory_bytes) continue;
    caps.memory_bytes = heap.size;
    caps.budget_bytes = known && budget.heapBudget[i] ? budget.heapBudget[i] : heap.size;
  }
  caps.memory_budget = known;
  caps.mapped_device_memory = host_reaches_device_memory(believed);
}

void read_subgroups(const InstanceTable& table, VkPhysicalDevice device, const FeatureSet& features,
                    const VkPhysicalDeviceSubgroupProperties& subgroup, DeviceCaps& caps) {
  VkPhysicalDeviceSubgroupSizeControlPropertiesEXT control{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES_EXT};
  const bool sized = features.has(Feature::kSubgroupSize) && features.has(Feature::kFullSubgroups);
  if (sized) {
    VkPhysicalDeviceProperties2 properties{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &control};
    table.vkGetPhysicalDeviceProperties2(device, &properties);
  }
  caps.subgroup_size = subgroup.subgroupSize;
  // Where there is but one size it need not be demanded, and some drivers then do not let it be.
  const bool one_size = control.minSubgroupSize == control.maxSubgroupSize;
  const bool choosable = sized && (one_size || (control.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT)) &&
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
  // All workgroups are of one dimension.
  caps.max_workgroup_invocations = std::min(limits.maxComputeWorkGroupInvocations, limits.maxComputeWorkGroupSize[0]);
  caps.max_shared_bytes = limits.maxComputeSharedMemorySize;
  caps.max_push_bytes = limits.maxPushConstantsSize;
  std::copy_n(limits.maxComputeWorkGroupCount, 3, caps.max_groups);
}

void read_queue(const InstanceTable& table, VkPhysicalDevice device, double period, const DeviceUse& use,
                DeviceCaps& caps) {
  const auto list = [&](uint32_t* count, VkQueueFamilyProperties* families) {
    table.vkGetPhysicalDeviceQueueFamilyProperties(device, count, families);
    return VK_SUCCESS;
  };
  const auto families = enumerate<VkQueueFamilyProperties>("vkGetPhysicalDeviceQueueFamilyProperties", list);
  const auto family = std::find_if(families->begin(), families->end(), [&](const VkQueueFamilyProperties& f) {
    const auto index = static_cast<uint32_t>(&f - families->data());
    return f.queueCount > 0 && (f.queueFlags & VK_QUEUE_COMPUTE_BIT) != 0 && index == use.queue_family.value_or(index);
  });
  if (family == families->end()) {
    caps.unusable_reason =
        use.queue_family ? "the queue is none of its compute queues" : "its driver offers no compute queue";
    return;
  }
  caps.queue_family = static_cast<uint32_t>(family - families->begin());
  const uint32_t bits = family->timestampValidBits;
  if (bits == 0) return;
  caps.timestamp_period_ns = period;
  caps.timestamp_mask = bits >= 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
}

// The release, as https://vulkan.gpuinfo.org lists how drivers pack it.
void read_driver_version(DeviceCaps& caps) {
  const uint32_t packed = caps.driver_version;
  if (caps.driver_id == VK_DRIVER_ID_NVIDIA_PROPRIETARY) {
    caps.driver_major = packed >> 22;
    caps.driver_minor = packed >> 14 & 0xff;
  } else if (caps.driver_id == VK_DRIVER_ID_INTEL_PROPRIETARY_WINDOWS) {
    caps.driver_major = packed >> 14;
    caps.driver_minor = packed & 0x3fff;
  } else {
    caps.driver_major = VK_API_VERSION_MAJOR(packed);
    caps.driver_minor = VK_API_VERSION_MINOR(packed);
  }
}

// Mesa's software driver over LLVM 18 to 21 ends the process ("Cannot emit physreg copy instruction") when it compiles
// large shaders with AVX-512 (128-bit vectors alone only make it rarer; their width tells that the advice was
// followed); seen with Mesa 25.0.7 and LLVM 19.1.7, not with 15 and 22. Its LLVM is told in words alone.
void refuse_what_ends_the_process(DeviceCaps& caps) {
#if defined(__x86_64__)
  constexpr uint32_t kLanesOf256Bits = 8;
  const size_t at = caps.driver.find("(LLVM ");
  if (caps.driver_id != VK_DRIVER_ID_MESA_LLVMPIPE || at == std::string::npos || caps.subgroup_size < kLanesOf256Bits ||
      !__builtin_cpu_supports("avx512f"))
    return;
  const long llvm = std::strtol(caps.driver.c_str() + at + 6, nullptr, 10);
  if (llvm < 18 || llvm > 21) return;
  caps.environment = {{"GALLIUM_OVERRIDE_CPU_CAPS", "avx"}, {"LP_NATIVE_VECTOR_WIDTH", "128"}};
  caps.unusable_reason = "its LLVM crashes on this processor; set";
  for (const EnvironmentVariable& variable : caps.environment)
    caps.unusable_reason += " " + variable.name + "=" + variable.value;
#else
  (void)caps;
#endif
}

void need(DeviceCaps& caps, uint64_t value, uint64_t least, const char* what) {
  if (value >= least || !caps.unusable_reason.empty()) return;
  caps.unusable_reason = std::string("its driver offers ") + what + " of " + std::to_string(value) +
                         "; Vulkan's least is " + std::to_string(least);
}

bool is_subgroup_size(uint32_t size) { return std::has_single_bit(size) && size <= 128; }

void believe_subgroups(DeviceCaps& caps) {
  const bool sane = is_subgroup_size(caps.subgroup_size);
  if (!sane) {
    caps.subgroup_size = 1;
    caps.subgroup_shuffle = false;
  }
  const bool range = is_subgroup_size(caps.min_subgroup_size) && is_subgroup_size(caps.max_subgroup_size) &&
                     caps.min_subgroup_size <= caps.subgroup_size && caps.subgroup_size <= caps.max_subgroup_size;
  if (sane && range) return;
  caps.fixed_subgroup = caps.subgroup_size_control = false;
  caps.min_subgroup_size = caps.max_subgroup_size = caps.subgroup_size;
}

}  // namespace

DeviceCaps believable(DeviceCaps caps) {
  constexpr uint64_t kMostMemory = uint64_t{1} << 46;
  need(caps, caps.max_storage_range, 1u << 27, "storage buffers");
  need(caps, caps.max_workgroup_invocations, 128, "workgroups");
  need(caps, caps.max_shared_bytes, 16384, "shared memory");
  need(caps, caps.max_push_bytes, 128, "push constants");
  for (const uint32_t groups : caps.max_groups) need(caps, groups, 65535, "dispatches");
  need(caps, caps.memory_bytes, 1, "memory");
  // Every offset is a multiple of 256, the most that Vulkan allows.
  if ((!std::has_single_bit(caps.storage_alignment) || caps.storage_alignment > 256) && caps.unusable_reason.empty())
    caps.unusable_reason = "its driver aligns buffers to " + std::to_string(caps.storage_alignment) + " bytes";

  caps.max_workgroup_invocations = std::min(caps.max_workgroup_invocations, 1u << 14);
  caps.max_shared_bytes = std::min(caps.max_shared_bytes, 1u << 24);
  caps.memory_bytes = std::min(caps.memory_bytes, kMostMemory);
  caps.budget_bytes = std::min(caps.budget_bytes, caps.memory_bytes);
  // Vulkan's least is 1 GiB, and so it is told wrongly where it is less.
  caps.max_allocation = std::clamp(caps.max_allocation, uint64_t{1} << 30, kMostMemory);
  believe_subgroups(caps);
  if (!(caps.timestamp_period_ns > 0) || !(caps.timestamp_period_ns < 1e9)) caps.timestamp_period_ns = 0;
  std::erase_if(caps.cooperative_matrices, [](const CooperativeMatrix& size) {
    const auto sane = [](uint32_t extent) { return extent > 0 && extent <= 256; };
    return !sane(size.m) || !sane(size.n) || !sane(size.k);
  });
  return caps;
}

Result<void> check_usable(const DeviceCaps& caps) {
  if (caps.unusable_reason.empty()) return {};
  return error(caps.unusable_status, "%s cannot be used: %s", caps.name.c_str(), caps.unusable_reason.c_str());
}

DeviceCaps read_caps(const InstanceTable& table, VkPhysicalDevice device, uint32_t index, const DeviceUse& use) {
  DeviceCaps caps;
  caps.index = index;
  VkPhysicalDeviceProperties basic;
  table.vkGetPhysicalDeviceProperties(device, &basic);
  caps.name = printable(text_of(basic.deviceName));
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
  table.vkGetPhysicalDeviceProperties2(device, &properties);

  constexpr DeviceType kTypes[] = {DeviceType::kOther, DeviceType::kIntegrated, DeviceType::kDiscrete,
                                   DeviceType::kVirtual, DeviceType::kCpu};
  caps.type = basic.deviceType <= 4 ? kTypes[basic.deviceType] : DeviceType::kOther;
  caps.vendor_id = basic.vendorID;
  caps.device_id = basic.deviceID;
  caps.driver_version = basic.driverVersion;
  caps.driver = printable(text_of(driver.driverName) + " " + text_of(driver.driverInfo));
  caps.driver_id = driver.driverID;
  read_driver_version(caps);
  caps.uuid = uuid_text(id.deviceUUID);
  std::memcpy(caps.pipeline_cache_uuid, basic.pipelineCacheUUID, VK_UUID_SIZE);
  caps.max_allocation = maintenance.maxMemoryAllocationSize;

  const auto list = [&](uint32_t* count, VkExtensionProperties* extensions) {
    return table.vkEnumerateDeviceExtensionProperties(device, nullptr, count, extensions);
  };
  const auto extensions = enumerate<VkExtensionProperties>("vkEnumerateDeviceExtensionProperties", list);
  if (!extensions) {
    caps.unusable_reason = extensions.error().message;
    caps.unusable_status = extensions.error().status;
    return caps;
  }
  const FeatureSet features = offered_features(table, device, *extensions) & use.features;
  if (!features.has(Feature::kTimeline)) caps.unusable_reason = "it has no timeline semaphores";
  read_limits(basic.limits, caps);
  read_memory(table, device, *extensions, caps);
  read_subgroups(table, device, features, subgroup, caps);
  read_queue(table, device, static_cast<double>(basic.limits.timestampPeriod), use, caps);
  read_features(table, device, features, caps);
  caps.portability_subset = contains(*extensions, kPortabilitySubset);
  refuse_what_ends_the_process(caps);
  return believable(std::move(caps));
}

}  // namespace pumice::vk
