// VulkanDouble: the system's Vulkan with single functions replaced, for what drivers do only when something is wrong.
//
// One at a time in a process, as Vulkan's functions carry no state of their own. The instances that are made with get()
// go before it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "support/device_fixture.h"
#include "vk/device.h"
#include "vk/instance.h"

namespace pumice::test {

class VulkanDouble {
 public:
  VulkanDouble();
  ~VulkanDouble();
  VulkanDouble(const VulkanDouble&) = delete;
  VulkanDouble& operator=(const VulkanDouble&) = delete;

  static PFN_vkGetInstanceProcAddr get();
  // function: a Vulkan function of this name, or null for one that the driver does not have. Before it is looked up.
  template <typename Function>
  void replace(const char* name, Function* function) {
    replace_any(name, reinterpret_cast<PFN_vkVoidFunction>(function));
  }
  // What a replaced function stands for.
  template <typename Pfn>
  static Pfn original(const char* name) {
    return reinterpret_cast<Pfn>(original_of(name));
  }

 private:
  static void replace_any(const char* name, PFN_vkVoidFunction function);
  static PFN_vkVoidFunction original_of(const char* name);
};

// Tests with a device of their own on such a Vulkan; skipped without a device. What a test replaces, it replaces before
// start().
class VulkanDoubleTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void start(vk::DeviceOptions options = {}, Log log = {});
  vk::DeviceCaps own_caps() { return TestVulkan::get().physical().caps; }

  // Submits a fill of `buffer`; 0 when that failed.
  uint64_t submit_fill(vk::CommandStream& stream, const vk::Buffer& buffer);

  VulkanDouble vulkan_;
  std::unique_ptr<vk::Instance> instance_;
  std::unique_ptr<vk::Device> device_;
  std::optional<Error> refused_;  // why start() made no device
};

}  // namespace pumice::test
