// Instance: the Vulkan loader and its devices, and the choice of one.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "vk/caps.h"
#include "vk/functions.h"
#include "vk/host_device.h"

namespace pumice::vk {

struct InstanceOptions {
  Log log;
  bool validation = false;  // Khronos validation layer, if installed; its messages are logged as errors
  PFN_vkGetInstanceProcAddr get_instance_proc_addr = nullptr;  // null: that of the system's loader
};

struct PhysicalDevice {
  VkPhysicalDevice handle = VK_NULL_HANDLE;
  DeviceCaps caps;
};

// Not movable (the debug messenger points at it). Thread-safe. Outlives its devices.
class Instance {
 public:
  // Opens nothing yet: what needs no device meets no driver.
  explicit Instance(InstanceOptions options) : options_(std::move(options)) {}
  // A host's, with the one device that it lends; neither is destroyed.
  static Result<std::unique_ptr<Instance>> of_host(const HostDevice& host, Log log);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  // Opens the loader and its drivers at the first call, and again after one that failed. Empty without a loader or a
  // driver; the log says which. They stay as they are from then on.
  Result<std::span<const PhysicalDevice>> devices();
  const Log& log() const { return options_.log; }

  // For those who have a device.
  const InstanceTable& table() const { return table_; }
  bool debug_labels() const { return messenger_ != VK_NULL_HANDLE; }
  // A device of it hangs: the driver is not closed under it.
  void abandon() const { abandoned_ = true; }

 private:
  Result<void> open();
  Result<void> create_handle(const LoaderTable& loader);
  Result<void> create_messenger();
  void close();

  InstanceOptions options_;
  std::mutex mutex_;  // of what follows
  mutable std::atomic<bool> abandoned_{false};
  bool opened_ = false;
  bool lent_ = false;  // by a host
  bool debug_utils_ = false;
  VkInstance handle_ = VK_NULL_HANDLE;
  InstanceTable table_;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
  std::vector<PhysicalDevice> devices_;
};

// What of a device may be used: of one that a host has created, what that enabled, and its queue's family.
struct DeviceUse {
  FeatureSet features = FeatureSet::all();
  std::optional<uint32_t> queue_family;
};
DeviceCaps read_caps(const InstanceTable& table, VkPhysicalDevice device, uint32_t index, const DeviceUse& use = {});

// The index into `devices` of the one that `selector` names: empty picks discrete, then integrated, then virtual, then
// CPU; else a decimal index, a UUID, or a part of a name (case does not matter; it must fit one device only).
Result<size_t> select_device(const std::vector<DeviceCaps>& devices, std::string_view selector);

}  // namespace pumice::vk
