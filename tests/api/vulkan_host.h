/* A Vulkan host for tests: an instance and a device of its own, behind a loader that counts calls and notes those that
 * nobody may make on somebody else's device. One at a time in a process.
 */
#ifndef PUMICE_TESTS_VULKAN_HOST_H
#define PUMICE_TESTS_VULKAN_HOST_H

#define VK_NO_PROTOTYPES
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>

#include "c_api_support.h"
#include "pumice/pumice_vulkan.h"

typedef struct Host {
  PFN_vkGetInstanceProcAddr get;
  VkInstance instance;
  VkPhysicalDevice physical;
  VkDevice device;
  VkQueue queue;
  uint32_t family;
  VkDebugUtilsMessengerEXT messenger;
  pthread_mutex_t queue_mutex;
} Host;

/* What the loader has seen. */
static atomic_int host_forbidden, host_submissions, host_unlocked_submissions, host_messages;
static atomic_int host_allocations;       /* through the allocation callbacks, not yet freed */
static atomic_int host_device_memories;   /* through the memory callbacks, not yet freed */
static atomic_int host_plain_memories;    /* not through them */
static atomic_int host_without_callbacks; /* objects that were created without the allocation callbacks */
static atomic_int host_queue_locked;
static int host_must_lock, host_must_call_back;
static int host_lose_at; /* the submission at which the device is lost; 0: none */
static PFN_vkGetInstanceProcAddr real_get;
static PFN_vkGetDeviceProcAddr real_device_get;
static PFN_vkQueueSubmit real_submit;
static PFN_vkQueueWaitIdle real_idle;
static PFN_vkAllocateMemory real_allocate;
static PFN_vkFreeMemory real_free;
static PFN_vkCreateBuffer real_create_buffer;

static VKAPI_ATTR VkResult VKAPI_CALL forbidden_result(void) {
  ++host_forbidden;
  return VK_ERROR_UNKNOWN;
}
static VKAPI_ATTR VkResult VKAPI_CALL counted_submit(VkQueue queue, uint32_t count, const VkSubmitInfo* infos,
                                                     VkFence fence) {
  const int number = ++host_submissions;
  if (host_lose_at && number == host_lose_at) {
    real_idle(queue); /* a lost device computes nothing */
    return VK_ERROR_DEVICE_LOST;
  }
  if (host_must_lock && !host_queue_locked) ++host_unlocked_submissions;
  return real_submit(queue, count, infos, fence);
}
static VKAPI_ATTR VkResult VKAPI_CALL counted_allocate(VkDevice device, const VkMemoryAllocateInfo* info,
                                                       const VkAllocationCallbacks* callbacks, VkDeviceMemory* memory) {
  ++host_plain_memories;
  if (host_must_call_back && !callbacks) ++host_without_callbacks;
  return real_allocate(device, info, callbacks, memory);
}
static VKAPI_ATTR VkResult VKAPI_CALL counted_create_buffer(VkDevice device, const VkBufferCreateInfo* info,
                                                            const VkAllocationCallbacks* callbacks, VkBuffer* buffer) {
  if (host_must_call_back && !callbacks) ++host_without_callbacks;
  return real_create_buffer(device, info, callbacks, buffer);
}

static int is_one_of(const char* name, const char* const* names) {
  for (; *names; ++names)
    if (strcmp(name, *names) == 0) return 1;
  return 0;
}

static PFN_vkVoidFunction host_replacement(const char* name) {
  static const char* const kForbidden[] = {"vkDeviceWaitIdle", "vkQueueWaitIdle",  "vkDestroyDevice",
                                           "vkCreateDevice",   "vkCreateInstance", "vkDestroyInstance",
                                           "vkGetDeviceQueue", "vkQueueSubmit2",   NULL};
  if (is_one_of(name, kForbidden)) return (PFN_vkVoidFunction)forbidden_result;
  if (strcmp(name, "vkQueueSubmit") == 0) return (PFN_vkVoidFunction)counted_submit;
  if (strcmp(name, "vkAllocateMemory") == 0) return (PFN_vkVoidFunction)counted_allocate;
  if (strcmp(name, "vkCreateBuffer") == 0) return (PFN_vkVoidFunction)counted_create_buffer;
  return NULL;
}
static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL host_device_get(VkDevice device, const char* name) {
  const PFN_vkVoidFunction replaced = host_replacement(name);
  return replaced ? replaced : real_device_get(device, name);
}
/* What is given to Pumice. */
static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL host_get(VkInstance instance, const char* name) {
  if (strcmp(name, "vkGetDeviceProcAddr") == 0) return (PFN_vkVoidFunction)host_device_get;
  const PFN_vkVoidFunction replaced = host_replacement(name);
  return replaced ? replaced : real_get(instance, name);
}

#define HOST_CALL(host, name) ((PFN_##name)(host)->get((host)->instance, #name))

static VKAPI_ATTR VkBool32 VKAPI_CALL host_on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                      VkDebugUtilsMessageTypeFlagsEXT types,
                                                      const VkDebugUtilsMessengerCallbackDataEXT* data, void* user) {
  (void)severity, (void)types, (void)user;
  fprintf(stderr, "%s\n", data->pMessage);
  ++host_messages;
  return VK_FALSE;
}

static int host_unvalidated; /* nonzero: without the validation layer */

/* With the validation layer where it is installed: a feature that is not enabled must not be used. */
static inline int host_create_instance(Host* host) {
  static const char* const kLayers[] = {"VK_LAYER_KHRONOS_validation"};
  static const char* const kExtensions[] = {VK_EXT_DEBUG_UTILS_EXTENSION_NAME};
  const VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_3};
  VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                               .pApplicationInfo = &application,
                               .enabledLayerCount = 1,
                               .ppEnabledLayerNames = kLayers,
                               .enabledExtensionCount = 1,
                               .ppEnabledExtensionNames = kExtensions};
  if (!host_unvalidated && HOST_CALL(host, vkCreateInstance)(&info, NULL, &host->instance) == VK_SUCCESS) {
    const VkDebugUtilsMessengerCreateInfoEXT messenger = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity =
            VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
        .pfnUserCallback = host_on_message};
    HOST_CALL(host, vkCreateDebugUtilsMessengerEXT)(host->instance, &messenger, NULL, &host->messenger);
    return 1;
  }
  if (!host_unvalidated) fprintf(stderr, "the validation layer is not installed: nothing is validated\n");
  info.enabledLayerCount = info.enabledExtensionCount = 0;
  return HOST_CALL(host, vkCreateInstance)(&info, NULL, &host->instance) == VK_SUCCESS;
}

/* The first physical device that has compute; 0: there is none. */
static inline int host_open(Host* host) {
  memset(host, 0, sizeof *host);
  pthread_mutex_init(&host->queue_mutex, NULL);
  void* const loader = dlopen("libvulkan.so.1", RTLD_NOW);
  if (!loader) return 0;
  *(void**)&real_get = dlsym(loader, "vkGetInstanceProcAddr");
  host->get = real_get;
  uint32_t count = 1;
  if (!host_create_instance(host)) return 0;
  HOST_CALL(host, vkEnumeratePhysicalDevices)(host->instance, &count, &host->physical);
  if (count == 0) return 0;
  VkQueueFamilyProperties families[16];
  count = 16;
  HOST_CALL(host, vkGetPhysicalDeviceQueueFamilyProperties)(host->physical, &count, families);
  while (host->family < count && !(families[host->family].queueFlags & VK_QUEUE_COMPUTE_BIT)) ++host->family;
  return host->family < count;
}

static inline int host_create_device(Host* host, const VkDeviceCreateInfo* info) {
  CHECK(HOST_CALL(host, vkCreateDevice)(host->physical, info, NULL, &host->device) == VK_SUCCESS);
  if (!host->device) return 0;
  real_device_get = HOST_CALL(host, vkGetDeviceProcAddr);
  real_idle = (PFN_vkQueueWaitIdle)real_device_get(host->device, "vkQueueWaitIdle");
  real_submit = (PFN_vkQueueSubmit)real_device_get(host->device, "vkQueueSubmit");
  real_allocate = (PFN_vkAllocateMemory)real_device_get(host->device, "vkAllocateMemory");
  real_free = (PFN_vkFreeMemory)real_device_get(host->device, "vkFreeMemory");
  real_create_buffer = (PFN_vkCreateBuffer)real_device_get(host->device, "vkCreateBuffer");
  HOST_CALL(host, vkGetDeviceQueue)(host->device, host->family, 0, &host->queue);
  return 1;
}

static inline void host_destroy_device(Host* host) {
  if (host->device) HOST_CALL(host, vkDestroyDevice)(host->device, NULL);
  host->device = VK_NULL_HANDLE;
}

static inline void host_close(Host* host) {
  if (host->messenger) HOST_CALL(host, vkDestroyDebugUtilsMessengerEXT)(host->instance, host->messenger, NULL);
  if (host->instance) HOST_CALL(host, vkDestroyInstance)(host->instance, NULL);
  pthread_mutex_destroy(&host->queue_mutex);
}

/* ---- What a host gives to Pumice. */

static const float kPriority = 1;

static inline VkDeviceQueueCreateInfo queue_info(const Host* host) {
  return (VkDeviceQueueCreateInfo){.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                   .queueFamilyIndex = host->family,
                                   .queueCount = 1,
                                   .pQueuePriorities = &kPriority};
}

static inline PumiceVkImport import_of(const Host* host, const VkDeviceCreateInfo* info) {
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

/* What a host enables that enables no more than it must. */
typedef struct LeastDevice {
  VkDeviceQueueCreateInfo queue;
  VkPhysicalDeviceTimelineSemaphoreFeatures timeline;
  VkDeviceCreateInfo info;
} LeastDevice;

static inline const VkDeviceCreateInfo* least_device(const Host* host, LeastDevice* least) {
  least->queue = queue_info(host);
  least->timeline = (VkPhysicalDeviceTimelineSemaphoreFeatures){
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES, .timelineSemaphore = VK_TRUE};
  least->info = (VkDeviceCreateInfo){.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                     .pNext = &least->timeline,
                                     .queueCreateInfoCount = 1,
                                     .pQueueCreateInfos = &least->queue};
  return &least->info;
}

static inline void host_lock(void* user) {
  pthread_mutex_lock(&((Host*)user)->queue_mutex);
  host_queue_locked = 1;
}
static inline void host_unlock(void* user) {
  host_queue_locked = 0;
  pthread_mutex_unlock(&((Host*)user)->queue_mutex);
}
static inline VkResult host_submit(void* user, const VkSubmitInfo* info) {
  Host* host = user;
  host_lock(host);
  const VkResult result = counted_submit(host->queue, 1, info, VK_NULL_HANDLE);
  host_unlock(host);
  return result;
}

/* Blocks that are allocated and not yet freed. Mesa asks for 0 bytes, too, and takes NULL for a failure. */
typedef struct HostBlock {
  void* memory;
  size_t size;
} HostBlock;
enum { kMostHostBlocks = 1 << 16 };
static const size_t kNotOurs = SIZE_MAX;
static HostBlock host_blocks[kMostHostBlocks];
static pthread_mutex_t host_blocks_mutex = PTHREAD_MUTEX_INITIALIZER;

static inline void* VKAPI_CALL host_allocation(void* user, size_t size, size_t alignment,
                                               VkSystemAllocationScope scope) {
  (void)user, (void)scope;
  void* memory = NULL;
  if (posix_memalign(&memory, alignment > 16 ? alignment : 16, size) != 0) return NULL;
  pthread_mutex_lock(&host_blocks_mutex);
  const int at = host_allocations++;
  if (at < kMostHostBlocks) host_blocks[at] = (HostBlock){memory, size};
  pthread_mutex_unlock(&host_blocks_mutex);
  return memory;
}
static inline size_t host_forget(void* memory) {
  size_t size = kNotOurs;
  pthread_mutex_lock(&host_blocks_mutex);
  for (int i = host_allocations; i-- > 0;) {
    if (host_blocks[i].memory != memory) continue;
    size = host_blocks[i].size;
    host_blocks[i] = host_blocks[--host_allocations];
    break;
  }
  pthread_mutex_unlock(&host_blocks_mutex);
  return size;
}
static inline void VKAPI_CALL host_free(void* user, void* memory) {
  (void)user;
  if (memory) CHECK(host_forget(memory) != kNotOurs);
  free(memory);
}
static inline void* VKAPI_CALL host_reallocation(void* user, void* original, size_t size, size_t alignment,
                                          VkSystemAllocationScope scope) {
  void* const made = host_allocation(user, size, alignment, scope);
  if (!made && size != 0) return NULL;
  const size_t before = original ? host_forget(original) : 0;
  CHECK(before != kNotOurs);
  if (made && before) memcpy(made, original, before < size ? before : size);
  free(original);
  return made;
}

static inline VkResult host_memory(void* user, const VkMemoryAllocateInfo* info, uint32_t heap, int32_t purpose,
                            float priority, VkDeviceMemory* memory) {
  CHECK(heap < VK_MAX_MEMORY_HEAPS && purpose >= 0 && purpose <= PUMICE_VK_MEMORY_PAGES && priority > 0);
  ++host_device_memories;
  return real_allocate(((Host*)user)->device, info, NULL, memory);
}
static inline void host_release(void* user, VkDeviceMemory memory) {
  --host_device_memories;
  real_free(((Host*)user)->device, memory, NULL);
}

#endif
