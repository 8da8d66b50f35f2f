#include "faults/vulkan_lies.h"

#include <cstring>
#include <iterator>

namespace pumice::faults {
namespace {

using Properties = VkPhysicalDeviceProperties;
using Memory = VkPhysicalDeviceMemoryProperties;
constexpr auto kMost32 = UINT32_MAX;
constexpr auto kMost64 = UINT64_MAX;

template <uint32_t kSize>
void subgroup_size(VkBaseOutStructure& s) {
  if (s.sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES)
    reinterpret_cast<VkPhysicalDeviceSubgroupProperties&>(s).subgroupSize = kSize;
  if (s.sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES)
    reinterpret_cast<VkPhysicalDeviceVulkan11Properties&>(s).subgroupSize = kSize;
}

template <uint64_t kBytes>
void allocation_size(VkBaseOutStructure& s) {
  if (s.sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES)
    reinterpret_cast<VkPhysicalDeviceMaintenance3Properties&>(s).maxMemoryAllocationSize = kBytes;
  if (s.sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES)
    reinterpret_cast<VkPhysicalDeviceVulkan11Properties&>(s).maxMemoryAllocationSize = kBytes;
}

template <uint32_t kLow, uint32_t kHigh>
void subgroup_range(VkBaseOutStructure& s) {
  if (s.sType != VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES) return;
  auto& control = reinterpret_cast<VkPhysicalDeviceSubgroupSizeControlProperties&>(s);
  control.minSubgroupSize = kLow, control.maxSubgroupSize = kHigh;
}

void hostile_name(Properties& p) {
  std::memset(p.deviceName, 'A', sizeof p.deviceName);  // and no zero at the end
  std::memcpy(p.deviceName, "\x1b[31m\n\xff\xc2\x9b", 9);
}

template <uint64_t kBytes>
void heap_size(Memory& m) {
  for (VkMemoryHeap& heap : m.memoryHeaps) heap.size = kBytes;
}

template <uint32_t kFlags>
void memory_flags(Memory& m) {
  for (VkMemoryType& type : m.memoryTypes) type.propertyFlags = kFlags;
}

}  // namespace

// A flat table.
const Lie kLies[] = {
    {.name = "storage range 0", .properties = [](Properties& p) { p.limits.maxStorageBufferRange = 0; }},
    {.name = "storage range 1", .properties = [](Properties& p) { p.limits.maxStorageBufferRange = 1; }},
    {.name = "storage range 65536", .properties = [](Properties& p) { p.limits.maxStorageBufferRange = 65536; }},
    {.name = "shared memory 0", .properties = [](Properties& p) { p.limits.maxComputeSharedMemorySize = 0; }},
    {.name = "offset alignment 0", .properties = [](Properties& p) { p.limits.minStorageBufferOffsetAlignment = 0; }},
    {.name = "offset alignment 3", .properties = [](Properties& p) { p.limits.minStorageBufferOffsetAlignment = 3; }},
    {.name = "offset alignment 2^63",
     .properties = [](Properties& p) { p.limits.minStorageBufferOffsetAlignment = uint64_t{1} << 63; }},
    {.name = "invocations 0", .properties = [](Properties& p) { p.limits.maxComputeWorkGroupInvocations = 0; }},
    {.name = "invocations 1", .properties = [](Properties& p) { p.limits.maxComputeWorkGroupInvocations = 1; }},
    {.name = "workgroup size 0", .properties = [](Properties& p) { p.limits.maxComputeWorkGroupSize[0] = 0; }},
    {.name = "workgroup count 0", .properties = [](Properties& p) { p.limits.maxComputeWorkGroupCount[0] = 0; }},
    {.name = "workgroup count 1",
     .properties =
         [](Properties& p) {
           for (uint32_t& n : p.limits.maxComputeWorkGroupCount) n = 1;
         }},
    {.name = "timestamp period 0", .properties = [](Properties& p) { p.limits.timestampPeriod = 0; }},
    {.name = "push constants 0", .properties = [](Properties& p) { p.limits.maxPushConstantsSize = 0; }},
    {.name = "allocations 0", .properties = [](Properties& p) { p.limits.maxMemoryAllocationCount = 0; }},
    {.name = "atom size 0", .properties = [](Properties& p) { p.limits.nonCoherentAtomSize = 0; }},
    {.name = "version 0", .properties = [](Properties& p) { p.apiVersion = 0; }},
    {.name = "version 2^32-1", .properties = [](Properties& p) { p.apiVersion = kMost32; }},
    {.name = "device type 99",
     .properties = [](Properties& p) { p.deviceType = static_cast<VkPhysicalDeviceType>(99); }},
    {.name = "a name of control characters", .properties = hostile_name},
    {.name = "0 heaps", .memory = [](Memory& m) { m.memoryHeapCount = 0; }},
    {.name = "0 memory types", .memory = [](Memory& m) { m.memoryTypeCount = 0; }},
    {.name = "1000 heaps", .memory = [](Memory& m) { m.memoryHeapCount = 1000; }},
    {.name = "1000 memory types", .memory = [](Memory& m) { m.memoryTypeCount = 1000; }},
    {.name = "heap index 99",
     .memory =
         [](Memory& m) {
           for (VkMemoryType& t : m.memoryTypes) t.heapIndex = 99;
         }},
    {.name = "heaps of 0 bytes", .memory = heap_size<0>},
    {.name = "heaps of 2^64-1 bytes", .memory = heap_size<kMost64>},
    {.name = "no memory flags", .memory = memory_flags<0>},
    {.name = "only lazily allocated memory", .memory = memory_flags<VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT>},
    {.name = "subgroup size 0", .chained = subgroup_size<0>, .computes = false},
    {.name = "subgroup size 3", .chained = subgroup_size<3>, .computes = false},
    {.name = "subgroup size 2^32-1", .chained = subgroup_size<kMost32>, .computes = false},
    {.name = "subgroup range 0", .chained = subgroup_range<0, 0>, .computes = false},
    {.name = "subgroup range reversed", .chained = subgroup_range<64, 4>, .computes = false},
    {.name = "allocation size 0", .chained = allocation_size<0>},
    {.name = "allocation size 4096", .chained = allocation_size<4096>},
    {.name = "allocation size 2^64-1", .chained = allocation_size<kMost64>},
    {.name = "no queues", .no_queues = true},
    {.name = "no devices", .no_devices = true},
    {.name = "queues that cannot compute", .queue = [](VkQueueFamilyProperties& q) { q.queueFlags = 0; }},
    {.name = "0 queues in a family", .queue = [](VkQueueFamilyProperties& q) { q.queueCount = 0; }},
    {.name = "no timestamps", .queue = [](VkQueueFamilyProperties& q) { q.timestampValidBits = 0; }},
    {.name = "memory alignment 0", .requirements = [](VkMemoryRequirements& r) { r.alignment = 0; }},
    {.name = "memory alignment 3", .requirements = [](VkMemoryRequirements& r) { r.alignment = 3; }},
    {.name = "memory alignment 2^63", .requirements = [](VkMemoryRequirements& r) { r.alignment = uint64_t{1} << 63; }},
    {.name = "no memory type fits", .requirements = [](VkMemoryRequirements& r) { r.memoryTypeBits = 0; }},
    {.name = "only memory types that are not there",
     .requirements = [](VkMemoryRequirements& r) { r.memoryTypeBits = 0x80000000u; }},
    {.name = "a buffer of 2^64-1 bytes", .requirements = [](VkMemoryRequirements& r) { r.size = kMost64; }},
    {.name = "a pipeline cache of 2^64-1 bytes", .cache_size = kMost64},
    {.name = "a pipeline cache of 1 byte", .cache_size = 1},
};
const int kLieCount = static_cast<int>(std::size(kLies));

}  // namespace pumice::faults
