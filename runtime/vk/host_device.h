// HostDevice: a VkDevice that a host has created and lends.
#pragma once

#include <optional>
#include <vector>

#include "vk/features.h"
#include "vk/functions.h"

namespace pumice::vk {

// Instead of vkQueueSubmit on a queue that the host uses too; any of them may be null. They are called with the
// library's own locks held, and must not call the library.
struct HostQueue {
  void (*lock)(void* user) = nullptr;
  void (*unlock)(void* user) = nullptr;
  VkResult (*submit)(void* user, const VkSubmitInfo* info) = nullptr;  // queues it, in the order of the calls
  void* user = nullptr;
};

// Instead of vkAllocateMemory and vkFreeMemory; both or none. The same rules.
struct HostMemory {
  VkResult (*allocate)(void* user, const VkMemoryAllocateInfo* info, uint32_t heap, int32_t purpose, float priority,
                       VkDeviceMemory* memory) = nullptr;
  void (*release)(void* user, VkDeviceMemory memory) = nullptr;
  void* user = nullptr;
};

struct HostDevice {
  PFN_vkGetInstanceProcAddr get_instance_proc_addr = nullptr;
  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  VkQueue queue = VK_NULL_HANDLE;
  uint32_t queue_family = 0;
  FeatureSet enabled;
  HostQueue queue_calls;
  HostMemory memory_calls;
  std::optional<VkAllocationCallbacks> allocator;
  VkPipelineCache pipeline_cache = VK_NULL_HANDLE;  // null: one of the library's own

  const VkAllocationCallbacks* callbacks() const { return allocator ? &*allocator : nullptr; }
};

}  // namespace pumice::vk
