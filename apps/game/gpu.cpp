#include "game/gpu.h"

#include <SDL.h>
#include <SDL_vulkan.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

namespace pumice_game {

namespace {

constexpr const char* kValidationLayer = "VK_LAYER_KHRONOS_validation";
constexpr const char* kSwapchain = VK_KHR_SWAPCHAIN_EXTENSION_NAME;

ExitCode code_of(VkResult result) {
  if (result == VK_ERROR_DEVICE_LOST) return kExitDeviceLost;
  if (result == VK_ERROR_OUT_OF_HOST_MEMORY || result == VK_ERROR_OUT_OF_DEVICE_MEMORY) return kExitOutOfMemory;
  return kExitInternal;
}

std::string text_of(VkResult result, const char* call) {
  if (result == VK_ERROR_DEVICE_LOST) return std::string("the device was lost in ") + call + ": start the game again";
  if (code_of(result) == kExitOutOfMemory)
    return std::string("out of memory in ") + call + ": close other programs, or use a smaller model or --size";
  return std::string(call) + " failed with " + std::to_string(result);
}

std::vector<VkQueueFamilyProperties> families_of(VkPhysicalDevice device) {
  std::uint32_t count = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(device, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  vkGetPhysicalDeviceQueueFamilyProperties(device, &count, families.data());
  return families;
}

bool has_extension(VkPhysicalDevice device, const char* name) {
  std::uint32_t count = 0;
  vkEnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> all(count);
  vkEnumerateDeviceExtensionProperties(device, nullptr, &count, all.data());
  return std::any_of(all.begin(), all.end(),
                     [&](const VkExtensionProperties& e) { return std::strcmp(e.extensionName, name) == 0; });
}

// The first that is missing, or nothing.
std::string missing_requirement(PumiceInstance* pumice, VkInstance instance, VkPhysicalDevice device) {
  std::array<PumiceVkRequirement, 64> list;
  list.fill(pumice_vk_requirement_init());
  std::size_t count = 0;
  if (pumice_vk_requirements(pumice, vkGetInstanceProcAddr, instance, device, list.data(), list.size(), &count) !=
      PUMICE_OK)
    return "Vulkan 1.2";
  for (std::size_t i = 0; i < std::min(count, list.size()); ++i)
    if (list[i].required && !list[i].offered) return list[i].feature;
  return {};
}

// A number is an index; anything else a part of the name.
bool is_meant(const std::string& asked, std::size_t index, const std::string& name) {
  const bool number = std::all_of(asked.begin(), asked.end(), [](char c) { return c >= '0' && c <= '9'; });
  return asked.empty() || (number ? asked == std::to_string(index) : name.find(asked) != std::string::npos);
}

int rank_of(VkPhysicalDeviceType type) {
  if (type == VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU) return 3;
  if (type == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU) return 2;
  return type == VK_PHYSICAL_DEVICE_TYPE_CPU ? 0 : 1;
}

void lock_queue(void* mutex) { static_cast<std::mutex*>(mutex)->lock(); }
void unlock_queue(void* mutex) { static_cast<std::mutex*>(mutex)->unlock(); }

}  // namespace

VulkanFailure::VulkanFailure(VkResult result, const char* call) : Failure(code_of(result), text_of(result, call)) {}

VkBool32 VKAPI_PTR Gpu::on_message(VkDebugUtilsMessageSeverityFlagBitsEXT, VkDebugUtilsMessageTypeFlagsEXT,
                                   const VkDebugUtilsMessengerCallbackDataEXT* data, void* self) {
  ++static_cast<Gpu*>(self)->messages_;
  std::fprintf(stderr, "pumice: validation: %s\n", data->pMessage);
  return VK_FALSE;
}

Gpu::Gpu(PumiceInstance* pumice, const GpuPlan& plan) : Gpu() {
  create_instance(plan);
  if (plan.window && !SDL_Vulkan_CreateSurface(plan.window, instance_, &surface_))
    throw Failure(kExitNoDevice, std::string("this window system shows no Vulkan: ") + SDL_GetError());
  choose_device(pumice, plan);
  choose_queues();
  create_device(pumice);
}

Gpu::~Gpu() {
  if (device_) vkDestroyDevice(device_, nullptr);
  pumice_vk_device_info_destroy(created_with_);
  if (surface_) vkDestroySurfaceKHR(instance_, surface_, nullptr);
  if (messenger_) {
    const auto destroy = reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(
        vkGetInstanceProcAddr(instance_, "vkDestroyDebugUtilsMessengerEXT"));
    destroy(instance_, messenger_, nullptr);
  }
  if (instance_) vkDestroyInstance(instance_, nullptr);
}

void Gpu::create_instance(const GpuPlan& plan) {
  std::vector<const char*> extensions;
  if (plan.window) {
    unsigned count = 0;
    SDL_Vulkan_GetInstanceExtensions(plan.window, &count, nullptr);
    extensions.resize(count);
    SDL_Vulkan_GetInstanceExtensions(plan.window, &count, extensions.data());
  }
  const VkValidationFeatureEnableEXT enables[] = {VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT};
  const VkValidationFeaturesEXT features{.sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
                                         .enabledValidationFeatureCount = 1,
                                         .pEnabledValidationFeatures = enables};
  const VkDebugUtilsMessengerCreateInfoEXT messenger{
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
      .pNext = &features,
      .messageSeverity =
          VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
      .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT,
      .pfnUserCallback = on_message,
      .pUserData = this};
  if (plan.validate) extensions.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
  const VkApplicationInfo application{
      .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .pApplicationName = "pumice game", .apiVersion = VK_API_VERSION_1_3};
  const VkInstanceCreateInfo info{.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                  .pNext = plan.validate ? &messenger : nullptr,
                                  .pApplicationInfo = &application,
                                  .enabledLayerCount = plan.validate ? 1u : 0u,
                                  .ppEnabledLayerNames = &kValidationLayer,
                                  .enabledExtensionCount = static_cast<std::uint32_t>(extensions.size()),
                                  .ppEnabledExtensionNames = extensions.data()};
  const VkResult created = vkCreateInstance(&info, nullptr, &instance_);
  if (created == VK_ERROR_LAYER_NOT_PRESENT)
    throw Failure(kExitNotFound, "--validate: the Khronos validation layer is not installed (vulkan-validationlayers)");
  if (created == VK_ERROR_INCOMPATIBLE_DRIVER)
    throw Failure(kExitNoDevice, "no Vulkan driver: install your card's, or mesa-vulkan-drivers");
  check_vk(created, "vkCreateInstance");
  if (!plan.validate) return;
  const auto create = reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(
      vkGetInstanceProcAddr(instance_, "vkCreateDebugUtilsMessengerEXT"));
  VkDebugUtilsMessengerCreateInfoEXT alone = messenger;
  alone.pNext = nullptr;
  check_vk(create(instance_, &alone, nullptr, &messenger_), "vkCreateDebugUtilsMessengerEXT");
}

bool Gpu::can_draw(VkPhysicalDevice device, std::uint32_t* family) const {
  if (surface_ && !has_extension(device, kSwapchain)) return false;
  const std::vector<VkQueueFamilyProperties> families = families_of(device);
  constexpr VkQueueFlags kBoth = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT;
  for (*family = 0; *family < families.size(); ++*family) {
    VkBool32 shows = VK_TRUE;
    if (surface_) vkGetPhysicalDeviceSurfaceSupportKHR(device, *family, surface_, &shows);
    if (shows && (families[*family].queueFlags & kBoth) == kBoth) return true;
  }
  return false;
}

void Gpu::choose_device(PumiceInstance* pumice, const GpuPlan& plan) {
  std::uint32_t count = 0;
  check_vk(vkEnumeratePhysicalDevices(instance_, &count, nullptr), "vkEnumeratePhysicalDevices");
  std::vector<VkPhysicalDevice> devices(count);
  check_vk(vkEnumeratePhysicalDevices(instance_, &count, devices.data()), "vkEnumeratePhysicalDevices");
  std::string seen;
  int best = -1;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(devices[i], &properties);
    seen += "\n  " + std::to_string(i) + ": " + properties.deviceName;
    std::uint32_t family = 0;
    const std::string missing = missing_requirement(pumice, instance_, devices[i]);
    if (!missing.empty()) seen += " (lacks " + missing + ")";
    const bool draws = can_draw(devices[i], &family);
    if (!draws) seen += " (does not draw to this window)";
    const bool asked = is_meant(plan.device, i, properties.deviceName);
    if (!missing.empty() || !draws || !asked || rank_of(properties.deviceType) <= best) continue;
    best = rank_of(properties.deviceType);
    physical_ = devices[i];
    family_ = family;
    name_ = properties.deviceName;
    cpu_ = properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
    timestamp_ns_ = static_cast<double>(properties.limits.timestampPeriod);
  }
  if (!physical_)
    throw Failure(kExitNoDevice, "no usable device" + (plan.device.empty() ? "" : " like '" + plan.device + "'") +
                                     (seen.empty() ? "" : "; there are:" + seen));
  vkGetPhysicalDeviceMemoryProperties(physical_, &memory_);
}

// For the model a family that computes beside the frames; else a second queue; else the renderer's.
void Gpu::choose_queues() {
  const std::vector<VkQueueFamilyProperties> families = families_of(physical_);
  if (families[family_].timestampValidBits == 0) timestamp_ns_ = 0;
  model_family_ = family_;
  model_index_ = families[family_].queueCount > 1 ? 1 : 0;
  for (std::uint32_t i = 0; i < families.size(); ++i) {
    const VkQueueFlags flags = families[i].queueFlags;
    if ((flags & VK_QUEUE_GRAPHICS_BIT) != 0 || (flags & VK_QUEUE_COMPUTE_BIT) == 0) continue;
    model_family_ = i;
    model_index_ = 0;
    return;
  }
}

const char* Gpu::model_queue() const {
  if (model_family_ != family_) return "a compute queue of its own";
  return model_queue_ != queue_ ? "a queue of its own" : "the renderer's queue";
}

void Gpu::create_device(PumiceInstance* pumice) {
  static constexpr float kPriorities[] = {1.0f, 0.5f};
  for (VkDeviceQueueCreateInfo& queue : queues_) queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
  queues_[0].queueFamilyIndex = family_;
  queues_[0].queueCount = model_family_ == family_ ? model_index_ + 1 : 1;
  queues_[0].pQueuePriorities = kPriorities;
  queues_[1].queueFamilyIndex = model_family_;
  queues_[1].queueCount = 1;
  queues_[1].pQueuePriorities = kPriorities + 1;
  wanted_ = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
             .queueCreateInfoCount = model_family_ == family_ ? 1u : 2u,
             .pQueueCreateInfos = queues_,
             .enabledExtensionCount = surface_ ? 1u : 0u,
             .ppEnabledExtensionNames = &kSwapchain};
  if (pumice_vk_device_info_create(pumice, vkGetInstanceProcAddr, instance_, physical_, &wanted_, &created_with_) !=
      PUMICE_OK)
    throw Failure(kExitNoDevice, name_ + " lacks what Pumice requires");
  check_vk(vkCreateDevice(physical_, pumice_vk_device_info_get(created_with_), nullptr, &device_), "vkCreateDevice");
  vkGetDeviceQueue(device_, family_, 0, &queue_);
  vkGetDeviceQueue(device_, model_family_, model_index_, &model_queue_);
}

VkResult Gpu::submit(const VkSubmitInfo& info, VkFence fence) {
  const std::lock_guard lock(queue_mutex_);
  return vkQueueSubmit(queue_, 1, &info, fence);
}

VkResult Gpu::present(const VkPresentInfoKHR& info) {
  const std::lock_guard lock(queue_mutex_);
  return vkQueuePresentKHR(queue_, &info);
}

void Gpu::wait_queue() {
  const std::lock_guard lock(queue_mutex_);
  check_vk(vkQueueWaitIdle(queue_), "vkQueueWaitIdle");
}

void Gpu::wait_idle() {
  const std::lock_guard lock(queue_mutex_);
  vkDeviceWaitIdle(device_);
}

PumiceVkImport Gpu::import() {
  PumiceVkImport import = pumice_vk_import_init();
  import.get_instance_proc_addr = vkGetInstanceProcAddr;
  import.instance = instance_;
  import.physical_device = physical_;
  import.device = device_;
  import.created_with = pumice_vk_device_info_get(created_with_);
  import.api_version = VK_API_VERSION_1_3;
  import.queue_family = model_family_;
  import.queue = model_queue_;
  if (model_queue_ == queue_) {
    import.lock_queue = lock_queue;
    import.unlock_queue = unlock_queue;
    import.queue_user = &queue_mutex_;
  }
  return import;
}

std::uint32_t Gpu::memory_type(std::uint32_t allowed, VkMemoryPropertyFlags wanted) const {
  for (std::uint32_t i = 0; i < memory_.memoryTypeCount; ++i)
    if ((allowed >> i & 1) != 0 && (memory_.memoryTypes[i].propertyFlags & wanted) == wanted) return i;
  throw VulkanFailure(VK_ERROR_OUT_OF_DEVICE_MEMORY, "choosing a memory type");
}

}  // namespace pumice_game
