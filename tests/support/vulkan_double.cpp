#include "support/vulkan_double.h"

#include <map>

#include "vk/functions.h"

namespace pumice::test {
namespace {

std::map<std::string, PFN_vkVoidFunction> replaced, originals;
PFN_vkGetDeviceProcAddr real_device_proc;

PFN_vkVoidFunction choose(const char* name, PFN_vkVoidFunction original) {
  const auto found = replaced.find(name);
  if (found == replaced.end()) return original;
  originals[name] = original;
  return found->second;
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL device_proc(VkDevice device, const char* name) {
  return choose(name, real_device_proc(device, name));
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL instance_proc(VkInstance instance, const char* name) {
  const PFN_vkVoidFunction original = vk::system_loader().vkGetInstanceProcAddr(instance, name);
  if (std::string_view(name) == "vkGetDeviceProcAddr") {
    real_device_proc = reinterpret_cast<PFN_vkGetDeviceProcAddr>(original);
    return reinterpret_cast<PFN_vkVoidFunction>(device_proc);
  }
  return choose(name, original);
}

}  // namespace

VulkanDouble::VulkanDouble() { replaced.clear(), originals.clear(); }
VulkanDouble::~VulkanDouble() { replaced.clear(), originals.clear(); }
PFN_vkGetInstanceProcAddr VulkanDouble::get() { return instance_proc; }
void VulkanDouble::replace_any(const char* name, PFN_vkVoidFunction function) { replaced[name] = function; }
PFN_vkVoidFunction VulkanDouble::original_of(const char* name) { return originals.at(name); }

void VulkanDoubleTest::SetUp() {
  const std::string& unavailable = TestVulkan::get().unavailable();
  if (!unavailable.empty()) GTEST_SKIP() << "no device to test on: " << unavailable;
}

void VulkanDoubleTest::start(vk::DeviceOptions options, Log log) {
  if (IsSkipped()) return;
  instance_ = std::make_unique<vk::Instance>(
      vk::InstanceOptions{.log = std::move(log), .get_instance_proc_addr = VulkanDouble::get()});
  const auto devices = instance_->devices();
  ASSERT_TRUE(devices.ok()) << devices.error().message;
  const size_t index = TestVulkan::get().physical().caps.index;
  ASSERT_LT(index, devices->size());
  options.caps = (*devices)[index].caps;
  auto made = vk::Device::create(*instance_, (*devices)[index].handle, std::move(options));
  if (made)
    device_ = std::move(*made);
  else
    refused_ = made.error();
}

uint64_t VulkanDoubleTest::submit_fill(vk::CommandStream& stream, const vk::Buffer& buffer) {
  stream.begin();
  stream.fill(buffer, 1);
  const auto ended = stream.end();
  const auto value = ended ? stream.submit() : Result<uint64_t>(ended.error());
  EXPECT_TRUE(value.ok()) << value.error().message;
  return value ? *value : 0;
}

}  // namespace pumice::test
