/* Preloaded into the game: its renderer's Vulkan calls fail as PUMICE_GAME_FAULT says. "submit N": the device is lost
 * at the N-th submission; "lose FILE": once, at the first one when there is that file; "present N": each N-th present
 * says that the window has another size. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vulkan/vulkan_core.h>

static int fails(const char* call) {
  static int calls[2];
  const char* fault = getenv("PUMICE_GAME_FAULT");
  const size_t length = strlen(call);
  if (!fault || strncmp(fault, call, length) != 0) return 0;
  const int every = atoi(fault + length);
  const int at = ++calls[call[0] == 's'];
  return every > 0 && (call[0] == 's' ? at >= every : at % every == 0);
}

static int loses(void) {
  static int lost;
  const char* fault = getenv("PUMICE_GAME_FAULT");
  if (lost || !fault || strncmp(fault, "lose ", 5) != 0 || access(fault + 5, F_OK) != 0) return 0;
  return lost = 1;
}

static PFN_vkVoidFunction real(const char* name) {
  PFN_vkVoidFunction function;
  *(void**)&function = dlsym(RTLD_NEXT, name);
  return function;
}

__attribute__((visibility("default"))) VKAPI_ATTR VkResult VKAPI_CALL vkQueueSubmit(VkQueue queue, uint32_t count,
                                                                                    const VkSubmitInfo* infos,
                                                                                    VkFence fence) {
  if (fails("submit") || loses()) return VK_ERROR_DEVICE_LOST;
  return ((PFN_vkQueueSubmit)real("vkQueueSubmit"))(queue, count, infos, fence);
}

__attribute__((visibility("default"))) VKAPI_ATTR VkResult VKAPI_CALL vkQueuePresentKHR(VkQueue queue,
                                                                                        const VkPresentInfoKHR* info) {
  const VkResult result = ((PFN_vkQueuePresentKHR)real("vkQueuePresentKHR"))(queue, info);
  return result == VK_SUCCESS && fails("present") ? VK_ERROR_OUT_OF_DATE_KHR : result;
}
