// A device that has a subset of Vulkan 1.2 and no extensions, as the portability layers over Metal have it: it is
// asked for, created as it must be, and runs a model.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "engine/context.h"
#include "support/engine_fixture.h"
#include "support/vulkan_double.h"
#include "vk/features.h"

namespace pumice::test::portability_test {

constexpr const char* kEnumeration = VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME;

bool loader_has_enumeration;
VkInstanceCreateFlags instance_flags;
std::vector<std::string> instance_extensions, device_extensions;

VkResult give(const char* name, bool present, uint32_t* count, VkExtensionProperties* list) {
  if (list && present && *count > 0) std::strncpy(list->extensionName, name, sizeof list->extensionName - 1);
  *count = present ? 1 : 0;
  return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL list_of_loader(const char*, uint32_t* count, VkExtensionProperties* list) {
  return give(kEnumeration, loader_has_enumeration, count, list);
}

VKAPI_ATTR VkResult VKAPI_CALL list_of_device(VkPhysicalDevice, const char*, uint32_t* count,
                                              VkExtensionProperties* list) {
  return give(vk::kPortabilitySubset, true, count, list);
}

// What the real loader and driver need not know is taken out again.
VKAPI_ATTR VkResult VKAPI_CALL create_instance(const VkInstanceCreateInfo* info, const VkAllocationCallbacks* with,
                                               VkInstance* instance) {
  instance_flags = info->flags;
  instance_extensions.assign(info->ppEnabledExtensionNames,
                             info->ppEnabledExtensionNames + info->enabledExtensionCount);
  VkInstanceCreateInfo plain = *info;
  plain.flags = 0;
  plain.enabledExtensionCount = 0;
  return VulkanDouble::original<PFN_vkCreateInstance>("vkCreateInstance")(&plain, with, instance);
}

VKAPI_ATTR VkResult VKAPI_CALL create_device(VkPhysicalDevice physical, const VkDeviceCreateInfo* info,
                                             const VkAllocationCallbacks* with, VkDevice* device) {
  device_extensions.assign(info->ppEnabledExtensionNames, info->ppEnabledExtensionNames + info->enabledExtensionCount);
  VkDeviceCreateInfo plain = *info;
  plain.enabledExtensionCount = 0;
  return VulkanDouble::original<PFN_vkCreateDevice>("vkCreateDevice")(physical, &plain, with, device);
}

VKAPI_ATTR void VKAPI_CALL older(VkPhysicalDevice device, VkPhysicalDeviceProperties* out) {
  VulkanDouble::original<PFN_vkGetPhysicalDeviceProperties>("vkGetPhysicalDeviceProperties")(device, out);
  out->apiVersion = std::min<uint32_t>(out->apiVersion, VK_API_VERSION_1_2);
}

class PortabilityTest : public VulkanDoubleTest {
 protected:
  void SetUp() override {
    VulkanDoubleTest::SetUp();
    loader_has_enumeration = true;
    instance_extensions.clear(), device_extensions.clear();
    vulkan_.replace("vkEnumerateInstanceExtensionProperties", list_of_loader);
    vulkan_.replace("vkEnumerateDeviceExtensionProperties", list_of_device);
    vulkan_.replace("vkCreateInstance", create_instance);
    vulkan_.replace("vkCreateDevice", create_device);
    vulkan_.replace("vkGetPhysicalDeviceProperties", older);
  }
};

TEST_F(PortabilityTest, SuchADeviceRunsAModel) {
  start();
  if (IsSkipped()) return;
  ASSERT_TRUE(device_) << refused_->message;
  EXPECT_EQ(instance_flags, VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR);
  EXPECT_EQ(instance_extensions, std::vector<std::string>{kEnumeration});
  EXPECT_EQ(device_extensions, std::vector<std::string>{vk::kPortabilitySubset}) << "what it has, and no more";
  EXPECT_FALSE(device_->caps().integer_dot || device_->caps().subgroup_size_control || device_->caps().memory_budget);

  const SyntheticModel spec;
  const std::vector<std::byte> bytes = make_synthetic_model(spec);
  const Result<Gguf> file = Gguf::from_memory(bytes);
  ASSERT_TRUE(file);
  Kernels kernels(*device_);
  const Result<Model> model = Model::load(kernels, *file, {});
  ASSERT_TRUE(model) << model.error().message;
  const auto context = Context::create(*model, {}, {.context_tokens = 256});
  ASSERT_TRUE(context) << context.error().message;
  const Result<Sequence*> sequence = (*context)->open_sequence();
  ASSERT_TRUE(sequence);
  const auto request = (*context)->submit(**sequence, random_tokens(spec, 40, 1), greedy_params(3));
  ASSERT_TRUE(request);
  while ((*request)->status == RequestStatus::kRunning) ASSERT_TRUE((*context)->step());
  EXPECT_EQ((*request)->generated.size(), 3u) << (*request)->error.message;
}

TEST_F(PortabilityTest, AnOlderLoaderIsNotAskedForThem) {
  loader_has_enumeration = false;
  start();
  if (IsSkipped()) return;
  ASSERT_TRUE(device_) << refused_->message;
  EXPECT_EQ(instance_flags, 0u);
  EXPECT_TRUE(instance_extensions.empty());
}

}  // namespace pumice::test::portability_test
