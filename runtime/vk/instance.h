// Instance: the Vulkan loader, and the choice of a device.
#pragma once

#include <volk.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "vk/caps.h"

namespace pumice::vk {

struct InstanceOptions {
  Log log;
  bool validation = false;  // Khronos validation layer, if installed; its messages are logged as errors
};

struct PhysicalDevice {
  VkPhysicalDevice handle = VK_NULL_HANDLE;
  DeviceCaps caps;
};

// Not movable (the debug messenger points at it). Thread-safe after creation. Outlives its devices.
class Instance {
 public:
  // Succeeds without a loader or a driver: devices() is then empty.
  static Result<std::unique_ptr<Instance>> create(InstanceOptions options);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  const std::vector<PhysicalDevice>& devices() const { return devices_; }
  VkInstance handle() const { return handle_; }
  const Log& log() const { return options_.log; }
  bool debug_labels() const { return debug_utils_; }

 private:
  explicit Instance(InstanceOptions options) : options_(std::move(options)) {}
  Result<void> create_handle();
  void read_devices();

  InstanceOptions options_;
  VkInstance handle_ = VK_NULL_HANDLE;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
  // Our own, because volk's belong to whichever instance was made last.
  PFN_vkDestroyDebugUtilsMessengerEXT destroy_messenger_ = nullptr;
  bool debug_utils_ = false;
  std::vector<PhysicalDevice> devices_;
};

DeviceCaps read_caps(VkInstance instance, VkPhysicalDevice device, uint32_t index);

// The index into `devices` of the one that `selector` names: empty picks discrete, then integrated, then virtual, then
// CPU; else a decimal index, a UUID, or a part of a name (case does not matter; it must fit one device only).
Result<size_t> select_device(const std::vector<DeviceCaps>& devices, std::string_view selector);

// "device lost" and the like as a Status, with the call that failed in the message.
Error vulkan_error(VkResult result, const char* call);

}  // namespace pumice::vk
