/* Pumice on a host's device: what it may call, and that text is the same bits as on a device of its own.
 * Exit code 77: no usable Vulkan device. */
#define _POSIX_C_SOURCE 200809L /* what the support header uses of POSIX */

#include "c_api_requests.h"
#include "vulkan_host.h"

enum { kGenerated = 24 };

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
  LeastDevice least;
  const VkDeviceCreateInfo info = *least_device(host, &least);
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

enum { kFrames = 8 };
typedef struct Recorder {
  Host* host;
  VkCommandPool pool;
  VkCommandBuffer commands[kFrames];
  VkFence fences[kFrames];
  uint64_t values[kFrames]; /* not yet told of; 0: none */
} Recorder;

static void begin_recorder(Recorder* recorder, Host* host) {
  *recorder = (Recorder){.host = host};
  const VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                        .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
                                        .queueFamilyIndex = host->family};
  CHECK(HOST_CALL(host, vkCreateCommandPool)(host->device, &pool, NULL, &recorder->pool) == VK_SUCCESS);
  const VkCommandBufferAllocateInfo buffers = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                               .commandPool = recorder->pool,
                                               .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                               .commandBufferCount = kFrames};
  CHECK(HOST_CALL(host, vkAllocateCommandBuffers)(host->device, &buffers, recorder->commands) == VK_SUCCESS);
  const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  for (int i = 0; i < kFrames; ++i)
    CHECK(HOST_CALL(host, vkCreateFence)(host->device, &fence, NULL, &recorder->fences[i]) == VK_SUCCESS);
}

static void end_recorder(Recorder* recorder) {
  Host* const host = recorder->host;
  for (int i = 0; i < kFrames; ++i) HOST_CALL(host, vkDestroyFence)(host->device, recorder->fences[i], NULL);
  HOST_CALL(host, vkDestroyCommandPool)(host->device, recorder->pool, NULL);
}

/* A frame of the host's, which keeps some in flight. signals: it makes Pumice's semaphore reach the value; else it
 * tells when it has seen the frame finish. */
static void render_recorded(Recorder* recorder, int number, PumiceDevice* device, PumiceContext* context, double gpu_us,
                            int signals) {
  Host* const host = recorder->host;
  const int at = number % kFrames;
  if (number >= kFrames)
    CHECK(HOST_CALL(host, vkWaitForFences)(host->device, 1, &recorder->fences[at], VK_TRUE, UINT64_MAX) == VK_SUCCESS);
  if (number >= kFrames) HOST_CALL(host, vkResetFences)(host->device, 1, &recorder->fences[at]);
  if (recorder->values[at] && !signals) CHECK_OK(pumice_record_done(device, recorder->values[at]));
  const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                          .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
  const VkCommandBuffer commands = recorder->commands[at];
  CHECK(HOST_CALL(host, vkBeginCommandBuffer)(commands, &begin) == VK_SUCCESS);
  PumiceFrame frame = pumice_frame_init();
  frame.gpu_us = gpu_us;
  uint64_t value = 1;
  CHECK_OK(pumice_record(context, commands, &frame, &value));
  CHECK((value != 0) == (frame.chunks > 0));
  CHECK(HOST_CALL(host, vkEndCommandBuffer)(commands) == VK_SUCCESS);
  recorder->values[at] = value;
  VkSemaphore timeline = VK_NULL_HANDLE;
  uint64_t last = 0;
  CHECK_OK(pumice_vk_timeline(device, &timeline, &last));
  const uint32_t count = value && signals ? 1 : 0;
  const VkTimelineSemaphoreSubmitInfo values = {.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                                .signalSemaphoreValueCount = count,
                                                .pSignalSemaphoreValues = &value};
  const VkSubmitInfo info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                             .pNext = &values,
                             .commandBufferCount = 1,
                             .pCommandBuffers = &commands,
                             .signalSemaphoreCount = count,
                             .pSignalSemaphores = &timeline};
  host_lock(host);
  CHECK(real_submit(host->queue, 1, &info, recorder->fences[at]) == VK_SUCCESS);
  host_unlock(host);
}

/* All of a text in the host's command buffers: Pumice submits nothing of it. */
static Tokens text_recorded(PumiceDevice* device, Host* host, const Fixture* fixture, double gpu_us, int signals) {
  PumiceContext* context = make_context(fixture->model, 256, 1);
  PumiceSequence* sequence = make_sequence(context);
  PumiceRequest* request = submit(sequence, fixture->prompt, fixture->prompt_count, kGenerated);
  Recorder recorder;
  begin_recorder(&recorder, host);
  Tokens tokens = {.count = 0};
  host_submissions = 0;
  int number = 0;
  while (collect(request, &tokens) && number < 1000000) {
    render_recorded(&recorder, number++, device, context, gpu_us, signals);
    const struct timespec pause = {.tv_nsec = 300000};
    nanosleep(&pause, NULL);
  }
  CHECK(host_submissions == 0);
  HOST_CALL(host, vkDeviceWaitIdle)(host->device);
  for (int i = 0; i < kFrames && !signals; ++i)
    if (recorder.values[i]) CHECK_OK(pumice_record_done(device, recorder.values[i]));
  pumice_request_destroy(request);
  pumice_sequence_destroy(sequence);
  pumice_context_destroy(context);
  end_recorder(&recorder);
  return tokens;
}

static void test_recorded(PumiceInstance* instance, Host* host, const Tokens* expected) {
  LeastDevice least;
  if (!host_create_device(host, least_device(host, &least))) return;
  PumiceVkImport import = import_of(host, &least.info);
  import.lock_queue = host_lock;
  import.unlock_queue = host_unlock;
  import.queue_user = host;
  PumiceDeviceOptions options = pumice_device_options_init();
  options.disable_autotune = 1;
  Fixture fixture = {.instance = instance};
  CHECK_OK(pumice_device_import(instance, &import, &options, &fixture.device));
  if (fixture.device && open_model(&fixture)) {
    static const double kBudgets[] = {1e9, 10000, 2000};
    CHECK_OK(pumice_model_warm_up(fixture.model, NULL, NULL)); /* which submits, as whatever makes pipelines does */
    for (int i = 0; i < 6; ++i) {
      const Tokens tokens = text_recorded(fixture.device, host, &fixture, kBudgets[i % 3], i < 3);
      CHECK(same(&tokens, expected));
    }
    PumiceContext* context = make_context(fixture.model, 256, 1);
    const Tokens after = generate_fresh(context, &fixture, kGenerated); /* by the queue again */
    CHECK(same(&after, expected));
    PumiceFrame frame = pumice_frame_init();
    uint64_t value = 0;
    CHECK_INVALID(pumice_record(context, VK_NULL_HANDLE, &frame, &value));
    CHECK_INVALID(pumice_record_done(fixture.device, UINT64_MAX));
    pumice_context_destroy(context);
  }
  pumice_model_destroy(fixture.model);
  pumice_device_destroy(fixture.device);
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
    CHECK(host_messages == 0);
    host_close(&host);
    /* The validation layer of Vulkan 1.3.239 waits for itself when secondary command buffers of two threads' finish. */
    host_unvalidated = 1;
    CHECK(host_open(&host));
    test_recorded(instance, &host, &expected);
    CHECK(host_forbidden == 0);
    host_close(&host);
  }
  pumice_instance_destroy(instance);
  return end_of_test(captured, !usable);
}
