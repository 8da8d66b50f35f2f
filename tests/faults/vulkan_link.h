// What the layer knows of each instance and device, and which call fails: for vulkan_layer.cpp alone.
#pragma once

#include <vulkan/vulkan.h>

#include <map>
#include <mutex>
#include <string_view>

#include "faults/vulkan_faults.h"
#include "faults/vulkan_lies.h"

namespace pumice::faults {

inline VulkanFaults faults;

inline const Lie* lie() { return faults.lie < 0 ? nullptr : &kLies[faults.lie]; }

// Objects that belong to one instance or device share the first word: the loader's dispatch table.
inline void* key_of(const void* object) { return *static_cast<void* const*>(object); }

// What comes after this layer. The functions are asked for at once: later the loader would give this layer's own.
using Functions = std::map<std::string_view, PFN_vkVoidFunction>;
struct InstanceLink {
  std::atomic<void*> key{nullptr};
  VkInstance handle = VK_NULL_HANDLE;
  PFN_vkGetInstanceProcAddr get = nullptr;
  Functions functions;
};
struct DeviceLink {
  std::atomic<void*> key{nullptr};
  VkDevice handle = VK_NULL_HANDLE;
  PFN_vkGetDeviceProcAddr get = nullptr;
  Functions functions;
  std::atomic<bool> lost{false};
  std::atomic<uint64_t> counter{0};  // the last that was told
};
inline std::mutex mutex;
inline InstanceLink instances[16];
inline DeviceLink devices[16];

template <typename Link, size_t kCount>
Link& link_of(Link (&links)[kCount], const void* key) {
  for (Link& link : links)
    if (link.key == key) return link;
  return links[0];
}
inline InstanceLink& instance_of(const void* object) { return link_of(instances, key_of(object)); }
inline DeviceLink& device_of(const void* object) { return link_of(devices, key_of(object)); }

template <typename Function, typename Link>
Function next(const Link& link, const char* name) {
  return reinterpret_cast<Function>(link.functions.at(name));
}

inline bool tells_of_loss(VulkanCall call) {
  return call == VulkanCall::vkQueueSubmit || call == VulkanCall::vkWaitSemaphores ||
         call == VulkanCall::vkGetSemaphoreCounterValue || call == VulkanCall::vkDeviceWaitIdle ||
         call == VulkanCall::vkGetQueryPoolResults;
}

// What the call is to fail with; VK_SUCCESS: it is not to fail.
inline VkResult fault(VulkanCall call, DeviceLink* device = nullptr) {
  ++faults.counts[static_cast<size_t>(call)];
  if (device && device->lost && tells_of_loss(call)) return VK_ERROR_DEVICE_LOST;
  if (faults.call != static_cast<int>(call)) return VK_SUCCESS;
  const int64_t left = faults.countdown.fetch_sub(1);
  if (left != 1 && !(left < 1 && faults.sticky)) return VK_SUCCESS;
  ++faults.hits;
  const auto code = static_cast<VkResult>(faults.code.load());
  if (code == VK_ERROR_DEVICE_LOST && device) {
    next<PFN_vkDeviceWaitIdle>(*device, "vkDeviceWaitIdle")(device->handle);  // a lost device computes nothing
    device->lost = true;
  }
  return code;
}

}  // namespace pumice::faults
