// VulkanFaults: what the fault layer (vulkan_layer.cpp) and the program that sweeps share. The program opens the
// layer's library before the Vulkan loader does, and asks it for this struct.
//
// Thread rule: all members are atomic; `lie` and `discrete` are set while no instance exists.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace pumice::faults {

// Every Vulkan function of the library that can fail: a flat table.
#define PUMICE_VULKAN_CALLS(X)            \
  X(vkCreateInstance)                     \
  X(vkEnumeratePhysicalDevices)           \
  X(vkEnumerateDeviceExtensionProperties) \
  X(vkCreateDevice)                       \
  X(vkAllocateMemory)                     \
  X(vkMapMemory)                          \
  X(vkCreateBuffer)                       \
  X(vkBindBufferMemory)                   \
  X(vkCreateComputePipelines)             \
  X(vkCreateShaderModule)                 \
  X(vkCreateDescriptorSetLayout)          \
  X(vkCreatePipelineLayout)               \
  X(vkCreateDescriptorPool)               \
  X(vkAllocateDescriptorSets)             \
  X(vkCreateCommandPool)                  \
  X(vkAllocateCommandBuffers)             \
  X(vkBeginCommandBuffer)                 \
  X(vkEndCommandBuffer)                   \
  X(vkResetCommandPool)                   \
  X(vkQueueSubmit)                        \
  X(vkWaitSemaphores)                     \
  X(vkGetSemaphoreCounterValue)           \
  X(vkCreateSemaphore)                    \
  X(vkCreatePipelineCache)                \
  X(vkGetPipelineCacheData)               \
  X(vkCreateQueryPool)                    \
  X(vkGetQueryPoolResults)                \
  X(vkDeviceWaitIdle)

enum class VulkanCall {
#define X(name) name,
  PUMICE_VULKAN_CALLS(X)
#undef X
      kCount
};
inline constexpr size_t kVulkanCalls = static_cast<size_t>(VulkanCall::kCount);
inline constexpr const char* kVulkanCallNames[] = {
#define X(name) #name,
    PUMICE_VULKAN_CALLS(X)
#undef X
};

struct VulkanFaults {
  std::atomic<int> call{-1};          // the one that fails; -1: none
  std::atomic<int64_t> countdown{0};  // 1: the next
  std::atomic<int> code{0};
  std::atomic<bool> sticky{false};  // all later ones fail, too. A lost device stays lost in any case
  std::atomic<int> hits{0};
  std::atomic<int64_t> counts[kVulkanCalls] = {};
  std::atomic<int64_t> live{0};       // objects made and not yet destroyed
  std::atomic<bool> discrete{false};  // the device has memory that the host does not see, as cards have
  std::atomic<int> lie{-1};           // of vulkan_lies.h
};

using VulkanFaultsFunction = VulkanFaults* (*)();
inline constexpr const char* kVulkanFaultsFunction = "pumice_vulkan_faults";
inline constexpr const char* kVulkanFaultLayer = "VK_LAYER_PUMICE_faults";

}  // namespace pumice::faults
