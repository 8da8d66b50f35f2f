#include "faults/frame_host.h"

#include <dlfcn.h>


namespace pumice::faults {
namespace {

PumiceResult meaning(VkResult result) {
  switch (result) {
    case VK_SUCCESS:
    case VK_INCOMPLETE:
      return PUMICE_OK;
    case VK_ERROR_OUT_OF_HOST_MEMORY:
      return PUMICE_OUT_OF_HOST_MEMORY;
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
      return PUMICE_OUT_OF_DEVICE_MEMORY;
    case VK_ERROR_DEVICE_LOST:
      return PUMICE_DEVICE_LOST;
    default:
      return PUMICE_UNSUPPORTED;
  }
}

constexpr float kPriority = 1;

struct DeviceInfo {
  VkDeviceQueueCreateInfo queue{};
  VkPhysicalDeviceTimelineSemaphoreFeatures timeline{};
  VkDeviceCreateInfo info{};

  explicit DeviceInfo(uint32_t family) {
    queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
    queue.queueFamilyIndex = family;
    queue.queueCount = 1;
    queue.pQueuePriorities = &kPriority;
    timeline.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES;
    timeline.timelineSemaphore = VK_TRUE;
    info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
    info.pNext = &timeline;
    info.queueCreateInfoCount = 1;
    info.pQueueCreateInfos = &queue;
  }
};

}  // namespace

#define PUMICE_HOST_CALL(name) reinterpret_cast<PFN_##name>(function(#name))
// Returns what a failure means.
#define PUMICE_HOST_TRY(expression) \
  if (const PumiceResult failed = meaning(expression); failed != PUMICE_OK) return own_failed_ = true, failed

FrameHost::~FrameHost() {
  if (fence_) PUMICE_HOST_CALL(vkDestroyFence)(device_, fence_, nullptr);
  if (pool_) PUMICE_HOST_CALL(vkDestroyCommandPool)(device_, pool_, nullptr);
  if (device_) PUMICE_HOST_CALL(vkDestroyDevice)(device_, nullptr);
  if (instance_) PUMICE_HOST_CALL(vkDestroyInstance)(instance_, nullptr);
}

PumiceResult FrameHost::open() {
  void* const loader = ::dlopen("libvulkan.so.1", RTLD_NOW);
  if (!loader) return PUMICE_NOT_FOUND;
  get_ = reinterpret_cast<PFN_vkGetInstanceProcAddr>(::dlsym(loader, "vkGetInstanceProcAddr"));
  VkApplicationInfo application{};
  application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
  application.apiVersion = VK_API_VERSION_1_3;
  VkInstanceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  info.pApplicationInfo = &application;
  PUMICE_HOST_TRY(PUMICE_HOST_CALL(vkCreateInstance)(&info, nullptr, &instance_));
  uint32_t count = 1;
  PUMICE_HOST_TRY(PUMICE_HOST_CALL(vkEnumeratePhysicalDevices)(instance_, &count, &physical_));
  if (count == 0) return PUMICE_NOT_FOUND;
  VkQueueFamilyProperties families[16];
  count = 16;
  PUMICE_HOST_CALL(vkGetPhysicalDeviceQueueFamilyProperties)(physical_, &count, families);
  while (family_ < count && !(families[family_].queueFlags & VK_QUEUE_COMPUTE_BIT)) ++family_;
  return family_ < count ? open_device() : PUMICE_NOT_FOUND;
}

PumiceResult FrameHost::open_device() {
  const DeviceInfo made(family_);
  PUMICE_HOST_TRY(PUMICE_HOST_CALL(vkCreateDevice)(physical_, &made.info, nullptr, &device_));
  PUMICE_HOST_CALL(vkGetDeviceQueue)(device_, family_, 0, &queue_);
  VkCommandPoolCreateInfo pool{};
  pool.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  pool.queueFamilyIndex = family_;
  PUMICE_HOST_TRY(PUMICE_HOST_CALL(vkCreateCommandPool)(device_, &pool, nullptr, &pool_));
  VkCommandBufferAllocateInfo buffers{};
  buffers.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
  buffers.commandPool = pool_;
  buffers.commandBufferCount = 1;
  PUMICE_HOST_TRY(PUMICE_HOST_CALL(vkAllocateCommandBuffers)(device_, &buffers, &commands_));
  VkFenceCreateInfo fence{};
  fence.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO;
  PUMICE_HOST_TRY(PUMICE_HOST_CALL(vkCreateFence)(device_, &fence, nullptr, &fence_));
  return PUMICE_OK;
}

PumiceResult FrameHost::import(PumiceInstance* instance, PumiceDevice** device) {
  const DeviceInfo made(family_);
  PumiceVkImport from = pumice_vk_import_init();
  from.get_instance_proc_addr = get_;
  from.instance = instance_;
  from.physical_device = physical_;
  from.device = device_;
  from.created_with = &made.info;
  from.api_version = VK_API_VERSION_1_3;
  from.queue_family = family_;
  from.queue = queue_;
  from.queue_user = &queue_mutex_;
  from.lock_queue = [](void* mutex) { static_cast<std::mutex*>(mutex)->lock(); };
  from.unlock_queue = [](void* mutex) { static_cast<std::mutex*>(mutex)->unlock(); };
  PumiceDeviceOptions options = pumice_device_options_init();
  options.disable_autotune = 1;
  return pumice_device_import(instance, &from, &options, device);
}

PumiceResult FrameHost::submit() {
  VkSubmitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  info.commandBufferCount = 1;
  info.pCommandBuffers = &commands_;
  {
    const std::lock_guard lock(queue_mutex_);
    PUMICE_HOST_TRY(PUMICE_HOST_CALL(vkQueueSubmit)(queue_, 1, &info, fence_));
  }
  PUMICE_HOST_TRY(PUMICE_HOST_CALL(vkWaitForFences)(device_, 1, &fence_, VK_TRUE, UINT64_MAX));
  PUMICE_HOST_TRY(PUMICE_HOST_CALL(vkResetFences)(device_, 1, &fence_));
  return PUMICE_OK;
}

PumiceResult FrameHost::frame(PumiceContext* context, PumiceDevice* device, bool* recorded) {
  VkCommandBufferBeginInfo begin{};
  begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  PUMICE_HOST_TRY(PUMICE_HOST_CALL(vkResetCommandPool)(device_, pool_, 0));
  PUMICE_HOST_TRY(PUMICE_HOST_CALL(vkBeginCommandBuffer)(commands_, &begin));
  PumiceFrame frame = pumice_frame_init();
  frame.gpu_us = 1e6;
  uint64_t value = 0;
  const PumiceResult result = pumice_record(context, commands_, &frame, &value);
  const PumiceResult ended = meaning(PUMICE_HOST_CALL(vkEndCommandBuffer)(commands_));
  *recorded = value != 0;
  own_failed_ = own_failed_ || ended != PUMICE_OK;
  if (value == 0) return result != PUMICE_OK ? result : ended;
  const PumiceResult run = ended == PUMICE_OK ? submit() : ended;
  // Also where it could not be submitted: nothing of it is in flight.
  const PumiceResult told = pumice_record_done(device, value);
  return result != PUMICE_OK ? result : run != PUMICE_OK ? run : told;
}

}  // namespace pumice::faults
