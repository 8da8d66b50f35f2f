#define VOLK_IMPLEMENTATION
#include "vk/instance.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <mutex>

namespace pumice::vk {
namespace {

constexpr const char* kValidationLayer = "VK_LAYER_KHRONOS_validation";

VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                          VkDebugUtilsMessageTypeFlagsEXT,
                                          const VkDebugUtilsMessengerCallbackDataEXT* data, void* user) {
  const auto* log = static_cast<const Log*>(user);
  const bool serious = severity >= VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT;
  log->write(serious ? LogLevel::kError : LogLevel::kDebug, "validation: %s", data->pMessage);
  return VK_FALSE;
}

bool layer_available(const char* name) {
  uint32_t count = 0;
  vkEnumerateInstanceLayerProperties(&count, nullptr);
  std::vector<VkLayerProperties> layers(count);
  vkEnumerateInstanceLayerProperties(&count, layers.data());
  return std::any_of(layers.begin(), layers.end(),
                     [&](const VkLayerProperties& layer) { return std::strcmp(layer.layerName, name) == 0; });
}

bool extension_available(const char* name, const char* layer) {
  uint32_t count = 0;
  vkEnumerateInstanceExtensionProperties(layer, &count, nullptr);
  std::vector<VkExtensionProperties> extensions(count);
  vkEnumerateInstanceExtensionProperties(layer, &count, extensions.data());
  return std::any_of(extensions.begin(), extensions.end(),
                     [&](const VkExtensionProperties& e) { return std::strcmp(e.extensionName, name) == 0; });
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

int preference(DeviceType type) {
  switch (type) {
    case DeviceType::kDiscrete:
      return 0;
    case DeviceType::kIntegrated:
      return 1;
    case DeviceType::kVirtual:
      return 2;
    case DeviceType::kOther:
      return 3;
    case DeviceType::kCpu:
      return 4;
  }
  return 5;
}

}  // namespace

Error vulkan_error(VkResult result, const char* call) {
  switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
      return error(Status::kOutOfHostMemory, "%s: out of host memory", call);
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
      return error(Status::kOutOfDeviceMemory,
                   "%s: out of device memory; use a smaller model, a smaller context or a quantised file", call);
    case VK_ERROR_DEVICE_LOST:
      return error(Status::kDeviceLost, "%s: the device was lost (a driver reset or a time-out); create it again",
                   call);
    case VK_ERROR_INCOMPATIBLE_DRIVER:
      return error(Status::kUnsupported, "%s: no compatible Vulkan driver", call);
    default:
      return error(Status::kInternal, "%s failed with VkResult %d", call, static_cast<int>(result));
  }
}

Result<std::unique_ptr<Instance>> Instance::create(InstanceOptions options) {
  std::unique_ptr<Instance> instance(new Instance(std::move(options)));
  PUMICE_TRY(instance->create_handle());
  if (instance->handle_) instance->read_devices();
  return instance;
}

Result<void> Instance::create_handle() {
  static std::mutex volk_mutex;  // volk's loader-level function pointers are process-wide
  std::lock_guard lock(volk_mutex);
  if (volkInitialize() != VK_SUCCESS) {
    log().write(LogLevel::kWarning, "no Vulkan loader found: install libvulkan1 and a driver");
    return {};
  }
  if (volkGetInstanceVersion() < VK_API_VERSION_1_2) {
    log().write(LogLevel::kWarning, "the Vulkan loader is older than 1.2");
    return {};
  }
  std::vector<const char*> layers, extensions;
  if (options_.validation) {
    if (layer_available(kValidationLayer))
      layers.push_back(kValidationLayer);
    else
      log().write(LogLevel::kWarning, "%s is not installed: nothing is validated", kValidationLayer);
  }
  const char* layer = layers.empty() ? nullptr : layers[0];
  debug_utils_ = options_.validation && (extension_available(VK_EXT_DEBUG_UTILS_EXTENSION_NAME, nullptr) ||
                                         (layer && extension_available(VK_EXT_DEBUG_UTILS_EXTENSION_NAME, layer)));
  if (debug_utils_) extensions.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);

  const VkApplicationInfo application{.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                      .pApplicationName = "pumice",
                                      .pEngineName = "pumice",
                                      .apiVersion = VK_API_VERSION_1_2};
  const VkInstanceCreateInfo info{.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                  .pApplicationInfo = &application,
                                  .enabledLayerCount = static_cast<uint32_t>(layers.size()),
                                  .ppEnabledLayerNames = layers.data(),
                                  .enabledExtensionCount = static_cast<uint32_t>(extensions.size()),
                                  .ppEnabledExtensionNames = extensions.data()};
  const VkResult result = vkCreateInstance(&info, nullptr, &handle_);
  if (result == VK_ERROR_INCOMPATIBLE_DRIVER) {
    log().write(LogLevel::kWarning, "no Vulkan driver found: install mesa-vulkan-drivers or your GPU's driver");
    handle_ = VK_NULL_HANDLE;
    return {};
  }
  if (result != VK_SUCCESS) return vulkan_error(result, "vkCreateInstance");
  volkLoadInstanceOnly(handle_);
  if (!debug_utils_) return {};
  const VkDebugUtilsMessengerCreateInfoEXT messenger{
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
      .messageSeverity =
          VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
      .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
      .pfnUserCallback = on_message,
      .pUserData = &options_.log};
  destroy_messenger_ = reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(
      vkGetInstanceProcAddr(handle_, "vkDestroyDebugUtilsMessengerEXT"));
  vkCreateDebugUtilsMessengerEXT(handle_, &messenger, nullptr, &messenger_);
  return {};
}

void Instance::read_devices() {
  uint32_t count = 0;
  vkEnumeratePhysicalDevices(handle_, &count, nullptr);
  std::vector<VkPhysicalDevice> handles(count);
  vkEnumeratePhysicalDevices(handle_, &count, handles.data());
  handles.resize(count);
  for (uint32_t i = 0; i < count; ++i) devices_.push_back({handles[i], read_caps(handle_, handles[i], i)});
}

Instance::~Instance() {
  if (messenger_) destroy_messenger_(handle_, messenger_, nullptr);
  if (handle_) vkDestroyInstance(handle_, nullptr);
}

Result<size_t> select_device(const std::vector<DeviceCaps>& devices, std::string_view selector) {
  if (devices.empty())
    return error(Status::kNotFound,
                 "no Vulkan device found; install your GPU's driver, or mesa-vulkan-drivers for the CPU");
  const std::string wanted = lower(selector);
  std::string known;
  for (const DeviceCaps& caps : devices)
    known += (known.empty() ? "" : ", ") + std::to_string(caps.index) + " (" + caps.name + ")";

  std::vector<size_t> fitting;
  const bool is_index = !wanted.empty() && wanted.size() < 4 &&
                        std::all_of(wanted.begin(), wanted.end(), [](char c) { return c >= '0' && c <= '9'; });
  for (size_t i = 0; i < devices.size(); ++i) {
    const DeviceCaps& caps = devices[i];
    if (wanted.empty() ? caps.unusable_reason.empty()
        : is_index     ? std::to_string(caps.index) == wanted
                       : caps.uuid == wanted || lower(caps.name).find(wanted) != std::string::npos)
      fitting.push_back(i);
  }
  if (fitting.empty() && wanted.empty())
    return error(Status::kUnsupported, "no usable Vulkan device: %s: %s", devices[0].name.c_str(),
                 devices[0].unusable_reason.c_str());
  if (fitting.empty())
    return error(Status::kNotFound, "no device fits '%.*s'; the devices are %s", static_cast<int>(selector.size()),
                 selector.data(), known.c_str());
  if (!wanted.empty() && fitting.size() > 1)
    return error(Status::kInvalidArgument, "'%.*s' fits %zu devices; name one by index: %s",
                 static_cast<int>(selector.size()), selector.data(), fitting.size(), known.c_str());
  const size_t best = *std::min_element(fitting.begin(), fitting.end(), [&](size_t a, size_t b) {
    return preference(devices[a].type) < preference(devices[b].type);
  });
  if (!devices[best].unusable_reason.empty())
    return error(Status::kUnsupported, "%s cannot be used: %s", devices[best].name.c_str(),
                 devices[best].unusable_reason.c_str());
  return best;
}

}  // namespace pumice::vk
