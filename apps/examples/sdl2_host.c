/* A model beside a renderer, whole: an SDL2 window whose colour changes, drawn by Vulkan, and a text that comes within
 * two milliseconds of each frame on the same device and queue. The window's title is the text so far.
 *
 *   cc sdl2_host.c $(pkg-config --cflags --libs pumice sdl2 vulkan)
 *   ./a.out MODEL.gguf [FRAMES]
 */
#define SDL_MAIN_HANDLED
#include <SDL.h>
#include <SDL_vulkan.h>
#include <math.h>
#include <pumice/pumice_vulkan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(call)                                                                                \
  do {                                                                                             \
    const int code_ = (int)(call);                                                                 \
    if (code_ != 0) fprintf(stderr, "%s:%d: %s: %d\n", __FILE__, __LINE__, #call, code_), exit(1); \
  } while (0)

enum { kMostImages = 8, kTextBytes = 4096 };

typedef struct Host {
  SDL_Window* window;
  SDL_mutex* queue_mutex; /* of the one queue */
  VkInstance instance;
  VkSurfaceKHR surface;
  VkPhysicalDevice physical;
  VkDevice device;
  VkQueue queue;
  uint32_t family;
  PumiceVkDeviceInfo* created_with;
  VkSwapchainKHR swapchain;
  VkImage images[kMostImages];
  uint32_t image_count;
  VkSemaphore acquired, drawn[kMostImages];
  VkFence done;
  VkCommandPool pool;
  VkCommandBuffer commands;
} Host;

static void lock_queue(void* host) { SDL_LockMutex(((Host*)host)->queue_mutex); }
static void unlock_queue(void* host) { SDL_UnlockMutex(((Host*)host)->queue_mutex); }

static void open_window(Host* host) {
  SDL_SetMainReady();
  CHECK(SDL_Init(SDL_INIT_VIDEO));
  host->window =
      SDL_CreateWindow("Pumice", SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED, 320, 200, SDL_WINDOW_VULKAN);
  if (!host->window) fprintf(stderr, "no window: %s\n", SDL_GetError()), exit(77);
  host->queue_mutex = SDL_CreateMutex();
  const char* extensions[16];
  unsigned count = 16;
  if (!SDL_Vulkan_GetInstanceExtensions(host->window, &count, extensions)) exit(77);
  const VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_2};
  const VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                     .pApplicationInfo = &application,
                                     .enabledExtensionCount = count,
                                     .ppEnabledExtensionNames = extensions};
  const VkResult created = vkCreateInstance(&info, NULL, &host->instance);
  if (created == VK_ERROR_INCOMPATIBLE_DRIVER) fprintf(stderr, "no Vulkan driver\n"), exit(77);
  CHECK(created);
  if (!SDL_Vulkan_CreateSurface(host->window, host->instance, &host->surface)) exit(77);
}

/* The first device that draws to the window and computes; with all that Pumice can use enabled. */
static void open_device(Host* host, PumiceInstance* pumice) {
  uint32_t count = 1;
  if (vkEnumeratePhysicalDevices(host->instance, &count, &host->physical) < 0 || count == 0) exit(77);
  VkQueueFamilyProperties families[16];
  count = 16;
  vkGetPhysicalDeviceQueueFamilyProperties(host->physical, &count, families);
  const VkQueueFlags both = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT;
  VkBool32 shows = VK_FALSE;
  for (host->family = 0; host->family < count; ++host->family) {
    vkGetPhysicalDeviceSurfaceSupportKHR(host->physical, host->family, host->surface, &shows);
    if (shows && (families[host->family].queueFlags & both) == both) break;
  }
  if (host->family == count) exit(77);
  const float priority = 1;
  const char* swapchain = VK_KHR_SWAPCHAIN_EXTENSION_NAME;
  const VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                         .queueFamilyIndex = host->family,
                                         .queueCount = 1,
                                         .pQueuePriorities = &priority};
  const VkDeviceCreateInfo mine = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                   .queueCreateInfoCount = 1,
                                   .pQueueCreateInfos = &queue,
                                   .enabledExtensionCount = 1,
                                   .ppEnabledExtensionNames = &swapchain};
  CHECK(pumice_vk_device_info_create(pumice, vkGetInstanceProcAddr, host->instance, host->physical, &mine,
                                     &host->created_with));
  CHECK(vkCreateDevice(host->physical, pumice_vk_device_info_get(host->created_with), NULL, &host->device));
  vkGetDeviceQueue(host->device, host->family, 0, &host->queue);
}

static PumiceDevice* lend_device(Host* host, PumiceInstance* pumice) {
  PumiceVkImport import = pumice_vk_import_init();
  import.get_instance_proc_addr = vkGetInstanceProcAddr;
  import.instance = host->instance;
  import.physical_device = host->physical;
  import.device = host->device;
  import.created_with = pumice_vk_device_info_get(host->created_with);
  import.api_version = VK_API_VERSION_1_2;
  import.queue_family = host->family;
  import.queue = host->queue;
  import.lock_queue = lock_queue;
  import.unlock_queue = unlock_queue;
  import.queue_user = host;
  PumiceDevice* device = NULL;
  CHECK(pumice_device_import(pumice, &import, NULL, &device));
  return device;
}

static void open_swapchain(Host* host) {
  VkSurfaceCapabilitiesKHR can;
  CHECK(vkGetPhysicalDeviceSurfaceCapabilitiesKHR(host->physical, host->surface, &can));
  VkSurfaceFormatKHR format;
  uint32_t one = 1;
  if (vkGetPhysicalDeviceSurfaceFormatsKHR(host->physical, host->surface, &one, &format) < 0 || one == 0) exit(77);
  const VkSwapchainCreateInfoKHR info = {.sType = VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR,
                                         .surface = host->surface,
                                         .minImageCount = can.minImageCount,
                                         .imageFormat = format.format,
                                         .imageColorSpace = format.colorSpace,
                                         .imageExtent = can.currentExtent,
                                         .imageArrayLayers = 1,
                                         .imageUsage = VK_IMAGE_USAGE_TRANSFER_DST_BIT,
                                         .preTransform = can.currentTransform,
                                         .compositeAlpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR,
                                         .presentMode = VK_PRESENT_MODE_FIFO_KHR,
                                         .clipped = VK_TRUE};
  CHECK(vkCreateSwapchainKHR(host->device, &info, NULL, &host->swapchain));
  host->image_count = kMostImages;
  CHECK(vkGetSwapchainImagesKHR(host->device, host->swapchain, &host->image_count, host->images));
  const VkSemaphoreCreateInfo semaphore = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
  CHECK(vkCreateSemaphore(host->device, &semaphore, NULL, &host->acquired));
  for (uint32_t i = 0; i < host->image_count; ++i)
    CHECK(vkCreateSemaphore(host->device, &semaphore, NULL, &host->drawn[i]));
  const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, .flags = VK_FENCE_CREATE_SIGNALED_BIT};
  CHECK(vkCreateFence(host->device, &fence, NULL, &host->done));
  const VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                        .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
                                        .queueFamilyIndex = host->family};
  CHECK(vkCreateCommandPool(host->device, &pool, NULL, &host->pool));
  const VkCommandBufferAllocateInfo commands = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                                .commandPool = host->pool,
                                                .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                                .commandBufferCount = 1};
  CHECK(vkAllocateCommandBuffers(host->device, &commands, &host->commands));
}

static void change_layout(Host* host, VkImage image, VkImageLayout from, VkImageLayout to) {
  const VkImageMemoryBarrier barrier = {.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
                                        .srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
                                        .dstAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
                                        .oldLayout = from,
                                        .newLayout = to,
                                        .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
                                        .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
                                        .image = image,
                                        .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1}};
  vkCmdPipelineBarrier(host->commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 0, NULL, 0,
                       NULL, 1, &barrier);
}

/* What a renderer does in a frame, as little as there can be. */
static void draw(Host* host, int frame) {
  CHECK(vkWaitForFences(host->device, 1, &host->done, VK_TRUE, UINT64_MAX));
  uint32_t at = 0;
  if (vkAcquireNextImageKHR(host->device, host->swapchain, UINT64_MAX, host->acquired, VK_NULL_HANDLE, &at) < 0)
    exit(1);
  CHECK(vkResetFences(host->device, 1, &host->done));
  const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  CHECK(vkBeginCommandBuffer(host->commands, &begin));
  change_layout(host, host->images[at], VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
  const VkClearColorValue colour = {.float32 = {0.5f + 0.5f * sinf(0.02f * (float)frame), 0.3f, 0.4f, 1}};
  const VkImageSubresourceRange range = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
  vkCmdClearColorImage(host->commands, host->images[at], VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, &colour, 1, &range);
  change_layout(host, host->images[at], VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, VK_IMAGE_LAYOUT_PRESENT_SRC_KHR);
  CHECK(vkEndCommandBuffer(host->commands));
  const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_TRANSFER_BIT;
  const VkSubmitInfo info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                             .waitSemaphoreCount = 1,
                             .pWaitSemaphores = &host->acquired,
                             .pWaitDstStageMask = &stage,
                             .commandBufferCount = 1,
                             .pCommandBuffers = &host->commands,
                             .signalSemaphoreCount = 1,
                             .pSignalSemaphores = &host->drawn[at]};
  const VkPresentInfoKHR present = {.sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
                                    .waitSemaphoreCount = 1,
                                    .pWaitSemaphores = &host->drawn[at],
                                    .swapchainCount = 1,
                                    .pSwapchains = &host->swapchain,
                                    .pImageIndices = &at};
  lock_queue(host);
  CHECK(vkQueueSubmit(host->queue, 1, &info, host->done));
  const VkResult shown = vkQueuePresentKHR(host->queue, &present);
  unlock_queue(host);
  if (shown < 0) exit(1);
}

static void close_host(Host* host) {
  vkDeviceWaitIdle(host->device); /* Pumice is gone, so nobody else uses a queue */
  for (uint32_t i = 0; i < host->image_count; ++i) vkDestroySemaphore(host->device, host->drawn[i], NULL);
  vkDestroySemaphore(host->device, host->acquired, NULL);
  vkDestroyFence(host->device, host->done, NULL);
  vkDestroyCommandPool(host->device, host->pool, NULL);
  vkDestroySwapchainKHR(host->device, host->swapchain, NULL);
  vkDestroyDevice(host->device, NULL);
  pumice_vk_device_info_destroy(host->created_with);
  vkDestroySurfaceKHR(host->instance, host->surface, NULL);
  vkDestroyInstance(host->instance, NULL);
  SDL_DestroyMutex(host->queue_mutex);
  SDL_DestroyWindow(host->window);
  SDL_Quit();
}

static PumiceRequest* begin_text(PumiceModel* model, PumiceContext* context, PumiceSequence** sequence) {
  const char* prompt = "Once upon a time there was a renderer who";
  int32_t ids[64];
  PumiceRequestOptions options = pumice_request_options_init();
  CHECK(pumice_tokenize(model, prompt, strlen(prompt), PUMICE_TOKENIZE_ADD_SPECIAL, ids, 64, &options.count));
  CHECK(pumice_model_get_sampling(model, &options));
  options.ids = ids;
  options.max_tokens = 40;
  CHECK(pumice_sequence_create(context, sequence));
  PumiceRequest* request = NULL;
  CHECK(pumice_request_submit(*sequence, &options, &request));
  return request;
}

int main(int argc, char** argv) {
  if (argc < 2) return fprintf(stderr, "usage: %s MODEL.gguf [FRAMES]\n", argv[0]), 2;
  const int frames = argc > 2 ? atoi(argv[2]) : 100000;
  Host host = {.window = NULL};
  PumiceInstance* pumice = NULL;
  CHECK(pumice_instance_create(NULL, &pumice));
  open_window(&host);
  open_device(&host, pumice);
  open_swapchain(&host);
  PumiceDevice* device = lend_device(&host, pumice);
  PumiceModelOptions options = pumice_model_options_init();
  options.path = argv[1];
  PumiceModel* model = NULL;
  CHECK(pumice_model_load(pumice, device, &options, &model)); /* a game does this on a thread, with a loading screen */
  PumiceContext* context = NULL;
  CHECK(pumice_context_create(model, NULL, &context));
  PumiceSequence* sequence = NULL;
  PumiceRequest* request = begin_text(model, context, &sequence);

  char text[kTextBytes] = "";
  PumicePoll poll = pumice_poll_init();
  for (int frame = 0; frame < frames && (argc > 2 || !SDL_QuitRequested()); ++frame) {
    draw(&host, frame);
    PumiceFrame within = pumice_frame_init();
    within.gpu_us = 2000;
    CHECK(pumice_step_within(context, &within));
    CHECK(pumice_poll(request, &poll));
    if (poll.text_length > 0 && strlen(text) + poll.text_length < sizeof text) strcat(text, poll.text);
    if (poll.text_length > 0) SDL_SetWindowTitle(host.window, text);
    if (poll.status != PUMICE_REQUEST_RUNNING && argc > 2) break;
    SDL_PumpEvents();
  }
  printf("%s\n", text);
  pumice_request_destroy(request);
  pumice_sequence_destroy(sequence);
  pumice_context_destroy(context);
  pumice_model_destroy(model);
  pumice_device_destroy(device);
  close_host(&host);
  pumice_instance_destroy(pumice);
  return poll.status == PUMICE_REQUEST_FAILED;
}
