/* Pumice on a host's device: what it may call, and that text is the same bits as on a device of its own.
 * Exit code 77: no usable Vulkan device. */
#define _POSIX_C_SOURCE 200809L /* what the support header uses of POSIX */

#include "c_api_requests.h"
#include "vulkan_host.h"

enum { kGenerated = 24 };

static const float kPriority = 1;

static VkDeviceQueueCreateInfo queue_info(const Host* host) {
  return (VkDeviceQueueCreateInfo){.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                   .queueFamilyIndex = host->family,
                                   .queueCount = 1,
                                   .pQueuePriorities = &kPriority};
}

static PumiceVkImport import_of(const Host* host, const VkDeviceCreateInfo* info) {
  PumiceVkImport import = pumice_vk_import_init();
  import.get_instance_proc_addr = host_get;
  import.instance = host->instance;
  import.physical_device = host->physical;
  import.device = host->device;
  import.created_with = info;
  import.api_version = VK_API_VERSION_1_3;
  import.queue_family = host->family;
  import.queue = host->queue;
  return import;
}

/* A text on the device; everything of Pumice's is gone afterwards. */
static Tokens text_on(PumiceInstance* instance, PumiceDevice* device) {
  Fixture fixture = {.instance = instance, .device = device};
  Tokens tokens = {.count = 0};
  if (device && open_model(&fixture)) {
    PumiceContext* context = make_context(fixture.model, 256, 1);
    if (context) tokens = generate_fresh(context, &fixture, kGenerated);
    pumice_context_destroy(context);
  }
  pumice_model_destroy(fixture.model);
  pumice_device_destroy(device);
  return tokens;
}

static Tokens text_on_own(PumiceInstance* instance) {
  PumiceDevice* device = NULL;
  PumiceDeviceOptions options = pumice_device_options_init();
  options.selector = "0";
  options.disable_autotune = 1;
  CHECK_OK(pumice_device_create_auto(instance, &options, &device));
  return text_on(instance, device);
}

static Tokens text_on_import(PumiceInstance* instance, const PumiceVkImport* import) {
  PumiceDevice* device = NULL;
  PumiceDeviceOptions options = pumice_device_options_init();
  options.disable_autotune = 1;
  CHECK_OK(pumice_device_import(instance, import, &options, &device));
  return text_on(instance, device);
}

static void test_requirements(PumiceInstance* instance, const Host* host) {
  PumiceVkRequirement list[64];
  for (size_t i = 0; i < 64; ++i) list[i] = pumice_vk_requirement_init();
  size_t count = 0, required = 0;
  CHECK_OK(pumice_vk_requirements(instance, host->get, host->instance, host->physical, list, 64, &count));
  CHECK(count > 8 && count < 64);
  for (size_t i = 0; i < count; ++i) {
    CHECK(list[i].feature && list[i].brings && list[i].otherwise);
    if (!list[i].required) continue;
    ++required;
    CHECK(strcmp(list[i].feature, "timelineSemaphore") == 0 && list[i].offered && !list[i].extension);
  }
  CHECK(required == 1);
  CHECK_INVALID(pumice_vk_requirements(instance, NULL, host->instance, host->physical, list, 64, &count));
}

static int count_structures(const void* chain, VkStructureType type) {
  int count = 0;
  for (const VkBaseInStructure* next = chain; next; next = next->pNext) count += next->sType == type;
  return count;
}

/* What the host has chained is used; nothing is there twice. */
static void test_merge(PumiceInstance* instance, const Host* host) {
  VkPhysicalDeviceVulkan13Features core13 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES};
  VkPhysicalDeviceVulkan12Features core12 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
                                             .pNext = &core13};
  static const char* const kExtensions[] = {VK_KHR_SWAPCHAIN_EXTENSION_NAME,
                                            VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME};
  const VkPhysicalDeviceFeatures basic = {.fillModeNonSolid = VK_TRUE};
  const VkDeviceCreateInfo from = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                   .pNext = &core12,
                                   .enabledExtensionCount = 2,
                                   .ppEnabledExtensionNames = kExtensions,
                                   .pEnabledFeatures = &basic};
  PumiceVkDeviceInfo* merged = NULL;
  CHECK_OK(pumice_vk_device_info_create(instance, host->get, host->instance, host->physical, &from, &merged));
  const VkDeviceCreateInfo* info = pumice_vk_device_info_get(merged);
  CHECK(info && core12.timelineSemaphore);
  if (!info) return;
  CHECK(count_structures(info->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES) == 1);
  CHECK(count_structures(info->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES) == 0);
  CHECK(count_structures(info->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2) == 0);
  CHECK(info->pEnabledFeatures && info->pEnabledFeatures->fillModeNonSolid);
  CHECK(!basic.shaderInt64);
  for (uint32_t i = 0; i < info->enabledExtensionCount; ++i)
    for (uint32_t j = 0; j < i; ++j)
      CHECK(strcmp(info->ppEnabledExtensionNames[i], info->ppEnabledExtensionNames[j]) != 0);
  CHECK(strcmp(info->ppEnabledExtensionNames[0], VK_KHR_SWAPCHAIN_EXTENSION_NAME) == 0);
  pumice_vk_device_info_destroy(merged);
}

/* Nothing but Pumice uses the device; all that it can use is enabled, and all callbacks are given. */
static void test_all_callbacks(PumiceInstance* instance, Host* host, const Tokens* expected) {
  const VkDeviceQueueCreateInfo queue = queue_info(host);
  const VkDeviceCreateInfo from = {
      .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .queueCreateInfoCount = 1, .pQueueCreateInfos = &queue};
  PumiceVkDeviceInfo* merged = NULL;
  CHECK_OK(pumice_vk_device_info_create(instance, host->get, host->instance, host->physical, &from, &merged));
  if (!merged || !host_create_device(host, pumice_vk_device_info_get(merged))) return;
  PumiceVkImport import = import_of(host, pumice_vk_device_info_get(merged));
  const VkAllocationCallbacks callbacks = {
      .pfnAllocation = host_allocation, .pfnReallocation = host_reallocation, .pfnFree = host_free};
  import.lock_queue = host_lock;
  import.unlock_queue = host_unlock;
  import.queue_user = host;
  import.allocator = &callbacks;
  import.allocate = host_memory;
  import.release = host_release;
  import.memory_user = host;
  host_must_lock = host_must_call_back = 1;
  host_plain_memories = 0;
  const Tokens tokens = text_on_import(instance, &import);
  CHECK(same(&tokens, expected));
  CHECK(host_submissions > kGenerated / 2 && host_unlocked_submissions == 0);
  CHECK(host_plain_memories == 0 && host_device_memories == 0);
  CHECK(host_without_callbacks == 0 && host_allocations == 0);
  host_must_lock = host_must_call_back = 0;
  host_destroy_device(host);
  pumice_vk_device_info_destroy(merged);
}

typedef struct Renderer {
  Host* host;
  atomic_int stop;
} Renderer;

static void* render(void* user) {
  Renderer* renderer = user;
  const VkSubmitInfo nothing = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO};
  while (!renderer->stop) {
    CHECK(host_submit(renderer->host, &nothing) == VK_SUCCESS);
    const struct timespec pause = {.tv_nsec = 1000000};
    nanosleep(&pause, NULL);
  }
  return NULL;
}

static VkSemaphore timeline_semaphore(const Host* host) {
  const VkSemaphoreTypeCreateInfo type = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                          .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
  const VkSemaphoreCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type};
  VkSemaphore semaphore = VK_NULL_HANDLE;
  CHECK(HOST_CALL(host, vkCreateSemaphore)(host->device, &info, NULL, &semaphore) == VK_SUCCESS);
  return semaphore;
}

/* The host signals what Pumice waits for, and sees what Pumice signals. */
static void test_semaphores(PumiceInstance* instance, Host* host, const PumiceVkImport* import,
                            const Tokens* expected) {
  PumiceDevice* device = NULL;
  PumiceDeviceOptions options = pumice_device_options_init();
  options.disable_autotune = 1;
  CHECK_OK(pumice_device_import(instance, import, &options, &device));
  if (!device) return;
  const VkSemaphore before = timeline_semaphore(host), after = timeline_semaphore(host);
  CHECK_OK(pumice_vk_wait_before_next(device, before, 7));
  CHECK_OK(pumice_vk_signal_with_next(device, after, 9));
  const VkSemaphoreSignalInfo signal = {
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO, .semaphore = before, .value = 7};
  CHECK(HOST_CALL(host, vkSignalSemaphore)(host->device, &signal) == VK_SUCCESS);
  VkSemaphore own = VK_NULL_HANDLE;
  uint64_t value = 1;
  CHECK_OK(pumice_vk_timeline(device, &own, &value));
  CHECK(own != VK_NULL_HANDLE && value == 0);
  for (int i = 0; i < 15; ++i) CHECK_OK(pumice_vk_wait_before_next(device, before, 7));
  CHECK_INVALID(pumice_vk_wait_before_next(device, before, 7));
  const Tokens tokens = text_on(instance, device);
  CHECK(same(&tokens, expected));
  CHECK(HOST_CALL(host, vkGetSemaphoreCounterValue)(host->device, after, &value) == VK_SUCCESS && value == 9);
  HOST_CALL(host, vkDestroySemaphore)(host->device, before, NULL);
  HOST_CALL(host, vkDestroySemaphore)(host->device, after, NULL);
}

/* A host that enables no more than it must, and renders on the same queue meanwhile. */
static void test_shared_queue(PumiceInstance* instance, Host* host, const Tokens* expected) {
  const VkDeviceQueueCreateInfo queue = queue_info(host);
  const VkPhysicalDeviceTimelineSemaphoreFeatures timeline = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES, .timelineSemaphore = VK_TRUE};
  const VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                   .pNext = &timeline,
                                   .queueCreateInfoCount = 1,
                                   .pQueueCreateInfos = &queue};
  if (!host_create_device(host, &info)) return;
  PumiceVkImport import = import_of(host, &info);
  import.submit = host_submit;
  import.queue_user = host;
  host_must_lock = 1;
  Renderer renderer = {.host = host};
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, render, &renderer) == 0);
  const Tokens tokens = text_on_import(instance, &import);
  CHECK(same(&tokens, expected));
  test_semaphores(instance, host, &import, expected);
  renderer.stop = 1;
  pthread_join(thread, NULL);
  HOST_CALL(host, vkDeviceWaitIdle)(host->device);
  CHECK(host_unlocked_submissions == 0);
  host_must_lock = 0;

  import.lock_queue = host_lock;
  PumiceDevice* device = NULL;
  CHECK_INVALID(pumice_device_import(instance, &import, NULL, &device));
  import = import_of(host, NULL);
  CHECK_INVALID(pumice_device_import(instance, &import, NULL, &device));
  import = import_of(host, &info);
  import.queue_family = 1000;
  CHECK_RESULT(PUMICE_UNSUPPORTED, pumice_device_import(instance, &import, NULL, &device));
  const VkDeviceCreateInfo nothing = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
  import = import_of(host, &nothing);
  CHECK_RESULT(PUMICE_UNSUPPORTED, pumice_device_import(instance, &import, NULL, &device));
  CHECK(device == NULL);
  host_destroy_device(host);
}

int main(void) {
  FILE* captured = capture_stdout();
  Host host;
  PumiceInstance* instance = NULL;
  CHECK_OK(pumice_instance_create(NULL, &instance));
  const int usable = host_open(&host);
  if (usable) {
    const Tokens expected = text_on_own(instance);
    CHECK(expected.count == kGenerated);
    test_requirements(instance, &host);
    test_merge(instance, &host);
    test_all_callbacks(instance, &host, &expected);
    test_shared_queue(instance, &host, &expected);
    CHECK(host_forbidden == 0);
    CHECK(host_messages == 0);
    host_close(&host);
  }
  pumice_instance_destroy(instance);
  return end_of_test(captured, !usable);
}
