/* A host with Vulkan of its own, from the loader it links or from volk (-DWITH_VOLK): both go on working beside the
 * library, whose functions have other names. */
#ifdef WITH_VOLK
#define VOLK_IMPLEMENTATION
#include <volk.h>
#else
#include <vulkan/vulkan.h>
#endif
#include <pumice/pumice.h>
#include <stdio.h>

static int use_vulkan(void) {
  const VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_1};
  const VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &application};
  VkInstance instance = VK_NULL_HANDLE;
  uint32_t count = 0;
#ifdef WITH_VOLK
  if (volkInitialize() != VK_SUCCESS) return 0; /* no loader on this machine */
#endif
  const VkResult result = vkCreateInstance(&info, NULL, &instance);
  if (result == VK_ERROR_INCOMPATIBLE_DRIVER) return 0; /* no driver */
  if (result != VK_SUCCESS) return 1;
#ifdef WITH_VOLK
  volkLoadInstance(instance);
#endif
  if (vkEnumeratePhysicalDevices(instance, &count, NULL) < 0) return 1;
  vkDestroyInstance(instance, NULL);
  printf("the host's own Vulkan has %u devices\n", count);
  return 0;
}

int main(void) {
  PumiceInstance* instance = NULL;
  uint32_t count = 0;
  if (use_vulkan() != 0) return 1;
  if (pumice_instance_create(NULL, &instance) != PUMICE_OK) return 2;
  if (pumice_device_count(instance, &count) != PUMICE_OK) return 3;
  if (use_vulkan() != 0) return 4;
  if (pumice_device_count(instance, &count) != PUMICE_OK) return 5;
  pumice_instance_destroy(instance);
  printf("pumice has %u devices\n", count);
  return use_vulkan();
}
