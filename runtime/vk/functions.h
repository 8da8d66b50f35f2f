// The Vulkan functions that the library calls, found at run time and kept in tables of its own: the library defines no
// symbol of Vulkan's and needs none, so a host may link the loader, volk or neither.
#pragma once

#ifndef VK_NO_PROTOTYPES
#define VK_NO_PROTOTYPES
#endif
#include <vulkan/vulkan_core.h>

#include "base/result.h"
#include "vk/newer_headers.h"

namespace pumice::vk {

// clang-format off
#define PUMICE_VK_LOADER_FUNCTIONS(X) \
  X(vkCreateInstance) X(vkEnumerateInstanceExtensionProperties) X(vkEnumerateInstanceLayerProperties) \
  X(vkEnumerateInstanceVersion)

#define PUMICE_VK_INSTANCE_FUNCTIONS(X) \
  X(vkCreateDevice) X(vkDestroyInstance) X(vkEnumerateDeviceExtensionProperties) X(vkEnumeratePhysicalDevices) \
  X(vkGetDeviceProcAddr) X(vkGetPhysicalDeviceFeatures2) X(vkGetPhysicalDeviceMemoryProperties2) \
  X(vkGetPhysicalDeviceProperties) X(vkGetPhysicalDeviceProperties2) X(vkGetPhysicalDeviceQueueFamilyProperties)

#define PUMICE_VK_DEVICE_FUNCTIONS(X) \
  X(vkAllocateCommandBuffers) X(vkAllocateDescriptorSets) X(vkAllocateMemory) X(vkBeginCommandBuffer) \
  X(vkBindBufferMemory) X(vkCmdBindDescriptorSets) X(vkCmdBindPipeline) X(vkCmdCopyBuffer) X(vkCmdDispatch) \
  X(vkCmdDispatchBase) X(vkCmdDispatchIndirect) X(vkCmdExecuteCommands) X(vkCmdFillBuffer) X(vkCmdPipelineBarrier) \
  X(vkCmdPushConstants) X(vkCmdResetQueryPool) \
  X(vkCmdWriteTimestamp) X(vkCreateBuffer) X(vkCreateCommandPool) X(vkCreateComputePipelines) \
  X(vkCreateDescriptorPool) X(vkCreateDescriptorSetLayout) X(vkCreatePipelineCache) X(vkCreatePipelineLayout) \
  X(vkCreateQueryPool) X(vkCreateSemaphore) X(vkCreateShaderModule) X(vkDestroyBuffer) X(vkDestroyCommandPool) \
  X(vkDestroyDescriptorPool) X(vkDestroyDescriptorSetLayout) X(vkDestroyDevice) X(vkDestroyPipeline) \
  X(vkDestroyPipelineCache) X(vkDestroyPipelineLayout) X(vkDestroyQueryPool) X(vkDestroySemaphore) \
  X(vkDestroyShaderModule) X(vkEndCommandBuffer) X(vkFreeMemory) X(vkGetBufferDeviceAddress) \
  X(vkGetBufferMemoryRequirements) X(vkGetDeviceQueue) X(vkGetPipelineCacheData) X(vkGetQueryPoolResults) \
  X(vkGetSemaphoreCounterValue) X(vkMapMemory) X(vkQueueSubmit) X(vkResetCommandPool) X(vkResetDescriptorPool) \
  X(vkUpdateDescriptorSets) X(vkWaitSemaphores)

// Null where the extension is not enabled.
#define PUMICE_VK_INSTANCE_EXTENSIONS(X) \
  X(vkCreateDebugUtilsMessengerEXT) X(vkDestroyDebugUtilsMessengerEXT) \
  X(vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR)
#define PUMICE_VK_DEVICE_EXTENSIONS(X) \
  X(vkCmdInsertDebugUtilsLabelEXT) X(vkGetPipelineExecutablePropertiesKHR) X(vkGetPipelineExecutableStatisticsKHR)
// clang-format on

#define PUMICE_VK_MEMBER(name) PFN_##name name = nullptr;

struct LoaderTable {
  PFN_vkGetInstanceProcAddr vkGetInstanceProcAddr = nullptr;
  PUMICE_VK_LOADER_FUNCTIONS(PUMICE_VK_MEMBER)
  bool complete() const;  // else there is no loader, or one of Vulkan 1.0
};
struct InstanceTable {
  PUMICE_VK_INSTANCE_FUNCTIONS(PUMICE_VK_MEMBER)
  PUMICE_VK_INSTANCE_EXTENSIONS(PUMICE_VK_MEMBER)
};
struct DeviceTable {
  PUMICE_VK_DEVICE_FUNCTIONS(PUMICE_VK_MEMBER)
  PUMICE_VK_DEVICE_EXTENSIONS(PUMICE_VK_MEMBER)
};

#undef PUMICE_VK_MEMBER

// "device lost" and the like as a Status, with the call that failed in the message.
Error vulkan_error(VkResult result, const char* call);

LoaderTable load_loader_table(PFN_vkGetInstanceProcAddr get);  // get may be null
const LoaderTable& system_loader();                            // opened at the first call; thread-safe

// Fills as much as there is, so that what was made can be destroyed. Status::kUnsupported names a function that is not
// there.
Result<void> load(InstanceTable& table, const LoaderTable& loader, VkInstance instance);
Result<void> load(DeviceTable& table, const InstanceTable& from, VkDevice device);

}  // namespace pumice::vk
