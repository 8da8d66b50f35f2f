// FrameHost: a host with a Vulkan device of its own, which records Pumice's work into its command buffers. It goes
// through the loader, and so through the fault layer: its own calls may fail, too.
//
// Thread rule: one thread; the queue's lock may be taken by any.
#pragma once

#define VK_NO_PROTOTYPES
#include <pumice/pumice_vulkan.h>

#include <mutex>

namespace pumice::faults {

class FrameHost {
 public:
  FrameHost() = default;
  FrameHost(const FrameHost&) = delete;
  FrameHost& operator=(const FrameHost&) = delete;
  ~FrameHost();  // after all that was made on its device

  PumiceResult open();
  PumiceResult import(PumiceInstance* instance, PumiceDevice** device);
  // pumice_record() in a command buffer, which is submitted and waited for. *recorded: whether there was anything.
  PumiceResult frame(PumiceContext* context, PumiceDevice* device, bool* recorded);
  bool own_failed() const { return own_failed_; }  // a call of its own, not one of Pumice's

 private:
  PFN_vkVoidFunction function(const char* name) const { return get_(instance_, name); }
  PumiceResult open_device();
  PumiceResult submit();

  PFN_vkGetInstanceProcAddr get_ = nullptr;
  VkInstance instance_ = VK_NULL_HANDLE;
  VkPhysicalDevice physical_ = VK_NULL_HANDLE;
  VkDevice device_ = VK_NULL_HANDLE;
  VkQueue queue_ = VK_NULL_HANDLE;
  uint32_t family_ = 0;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;
  VkFence fence_ = VK_NULL_HANDLE;
  bool own_failed_ = false;
  std::mutex queue_mutex_;
};

}  // namespace pumice::faults
