/* Pumice on a host's Vulkan device. C11, also valid C++. What pumice.h says of structs and errors holds here.
 *
 * A renderer creates its VkDevice with what Pumice can use (pumice_vk_device_info_create() adds it), and lends it
 * (pumice_device_import()). Pumice creates its own objects on it and submits to one queue, perhaps the renderer's.
 * It neither destroys nor idles what it does not own: it calls neither vkDeviceWaitIdle nor vkQueueWaitIdle, and the
 * queue only in vkQueueSubmit. docs/embedding.md has each call that touches the queue. */
#ifndef PUMICE_PUMICE_VULKAN_H
#define PUMICE_PUMICE_VULKAN_H

#include <vulkan/vulkan_core.h>

#include "pumice/pumice.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- What a device needs and what it can use. -------------------------------------------------------------------- */

/* A feature of a device. Strings are static. */
typedef struct PumiceVkRequirement {
  size_t size;
  const void* next;
  const char* feature;         /* the member of a feature structure: "shaderFloat16" */
  const char* extension;       /* to be enabled with it; NULL: Vulkan 1.2 has it */
  VkStructureType structure;   /* of the member; Vulkan11/12/13Features do as well where they have it */
  int32_t required;            /* zero: recommended */
  int32_t offered;             /* by this device */
  const char* brings;          /* what it is for */
  const char* otherwise;       /* what happens without it */
} PumiceVkRequirement;

static inline PumiceVkRequirement pumice_vk_requirement_init(void) {
  PumiceVkRequirement r = PUMICE_ZERO;
  r.size = sizeof(PumiceVkRequirement);
  return r;
}

/* Writes at most `capacity` of them; *count is the full number. Each of `list` is initialised by the caller. A device
 * that lacks what is required is no error here. Beside them: Vulkan 1.2, and a queue of a family with compute. */
PUMICE_API PumiceResult pumice_vk_requirements(PumiceInstance* instance,
                                               PFN_vkGetInstanceProcAddr get_instance_proc_addr,
                                               VkInstance vk_instance, VkPhysicalDevice physical_device,
                                               PumiceVkRequirement* list, size_t capacity, size_t* count);

typedef struct PumiceVkDeviceInfo PumiceVkDeviceInfo;

/* A VkDeviceCreateInfo with all that the device offers and Pumice can use added to `from`: members are set in the
 * structures that the host chains (which are written to), structures that are missing are chained in front, and each
 * extension is listed once. The info points into `from` and into *info, which both outlive vkCreateDevice(); keep them
 * for pumice_device_import(), too. PUMICE_UNSUPPORTED: the device lacks what is required. */
PUMICE_API PumiceResult pumice_vk_device_info_create(PumiceInstance* instance,
                                                     PFN_vkGetInstanceProcAddr get_instance_proc_addr,
                                                     VkInstance vk_instance, VkPhysicalDevice physical_device,
                                                     const VkDeviceCreateInfo* from, PumiceVkDeviceInfo** info);
PUMICE_API const VkDeviceCreateInfo* pumice_vk_device_info_get(const PumiceVkDeviceInfo* info);
PUMICE_API void pumice_vk_device_info_destroy(PumiceVkDeviceInfo* info);

/* ---- A device of the host's. ------------------------------------------------------------------------------------- */

/* What an allocation is for. */
typedef enum PumiceVkMemoryPurpose {
  PUMICE_VK_MEMORY_DEVICE = 0,       /* working memory: shaders alone */
  PUMICE_VK_MEMORY_WEIGHTS = 1,
  PUMICE_VK_MEMORY_UPLOAD = 2,       /* staging to the device */
  PUMICE_VK_MEMORY_READBACK = 3,     /* staging from it */
  PUMICE_VK_MEMORY_SHARED = 4,       /* small values of each step */
  PUMICE_VK_MEMORY_HOST_WEIGHTS = 5, /* weights that stay in the host's memory */
  PUMICE_VK_MEMORY_PAGES = 6         /* keys and values: shaders alone */
} PumiceVkMemoryPurpose;

/* All handles outlive the PumiceDevice and its children. Callbacks are called on any thread that calls Pumice, with its
 * locks held: they must not call Pumice. */
typedef struct PumiceVkImport {
  size_t size;
  const void* next;
  PFN_vkGetInstanceProcAddr get_instance_proc_addr;
  VkInstance instance;
  VkPhysicalDevice physical_device;
  VkDevice device;
  const VkDeviceCreateInfo* created_with; /* extensions, pNext and pEnabledFeatures are read during the call; what is
                                             not enabled there is not used */
  uint32_t api_version;        /* that the instance was created for, at least 1.2; 0: 1.2 */
  uint32_t queue_family;
  VkQueue queue;               /* of this family, which has compute */
  /* Where others use the queue, too: either both of lock and unlock, around vkQueueSubmit(), or submit instead of it.
   * All NULL: the queue is Pumice's alone, or VK_KHR_internally_synchronized_queues keeps its order. */
  void (*lock_queue)(void* user);
  void (*unlock_queue)(void* user);
  VkResult (*submit)(void* user, const VkSubmitInfo* info); /* returns when it is queued; order is kept */
  void* queue_user;
  const VkAllocationCallbacks* allocator; /* for all that is created; copied. NULL: the driver's */
  /* Instead of vkAllocateMemory() and vkFreeMemory(): both or neither. priority: of VK_EXT_memory_priority. Memory of
   * host-visible types is mapped by Pumice, as a whole. purpose: a PumiceVkMemoryPurpose. */
  VkResult (*allocate)(void* user, const VkMemoryAllocateInfo* info, uint32_t heap, int32_t purpose, float priority,
                       VkDeviceMemory* memory);
  void (*release)(void* user, VkDeviceMemory memory);
  void* memory_user;
  VkPipelineCache pipeline_cache; /* the host's, which saves it; VK_NULL_HANDLE: that of the device options */
} PumiceVkImport;

static inline PumiceVkImport pumice_vk_import_init(void) {
  PumiceVkImport i = PUMICE_ZERO;
  i.size = sizeof(PumiceVkImport);
  return i;
}

/* options may be NULL; its selector is not used. */
PUMICE_API PumiceResult pumice_device_import(PumiceInstance* instance, const PumiceVkImport* from,
                                             const PumiceDeviceOptions* options, PumiceDevice** device);

/* The next submission on the device waits until the host's timeline semaphore has the value, or signals it. At most 15
 * of each; for a device of one's own as well. Thread-safe. */
PUMICE_API PumiceResult pumice_vk_wait_before_next(PumiceDevice* device, VkSemaphore semaphore, uint64_t value);
PUMICE_API PumiceResult pumice_vk_signal_with_next(PumiceDevice* device, VkSemaphore semaphore, uint64_t value);
/* Pumice's own timeline semaphore, and the value that it has when all that was submitted so far is done. The host may
 * wait for it and must not signal it. Lives as long as the device. */
PUMICE_API PumiceResult pumice_vk_timeline(PumiceDevice* device, VkSemaphore* semaphore, uint64_t* value);

/* pumice_step_within() into a command buffer of the host's, of the device's queue family, which records outside of a
 * render pass: Pumice's secondary ones are executed there. frame->submitted_us is what was recorded. A *value of 0:
 * nothing was. Else the host submits the command buffer once, after those before, and its submission signals the
 * semaphore of pumice_vk_timeline() with *value; or the host calls pumice_record_done() once it knows that it has
 * finished. Until then Pumice submits nothing on its own, and calls that wait, wait for that: they, and destroying,
 * must not come between recording and submitting. What follows in the command buffer has to order its own accesses. */
PUMICE_API PumiceResult pumice_record(PumiceContext* context, VkCommandBuffer commands, PumiceFrame* frame,
                                      uint64_t* value);
PUMICE_API PumiceResult pumice_record_done(PumiceDevice* device, uint64_t value);

#ifdef __cplusplus
}
#endif

#endif
