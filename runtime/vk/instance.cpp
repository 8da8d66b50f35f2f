#include "vk/instance.h"

#include <algorithm>
#include <cctype>
#include <cstring>

#include "vk/enumerate.h"
#include "vk/features.h"

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

Result<bool> layer_available(const LoaderTable& loader, const char* name) {
  PUMICE_ASSIGN(const auto layers, enumerate<VkLayerProperties>("vkEnumerateInstanceLayerProperties",
                                                                loader.vkEnumerateInstanceLayerProperties));
  return std::any_of(layers.begin(), layers.end(), [&](const VkLayerProperties& layer) {
    return std::strncmp(layer.layerName, name, sizeof layer.layerName) == 0;
  });
}

Result<bool> extension_available(const LoaderTable& loader, const char* name, const char* layer) {
  const auto list = [&](uint32_t* count, VkExtensionProperties* extensions) {
    return loader.vkEnumerateInstanceExtensionProperties(layer, count, extensions);
  };
  PUMICE_ASSIGN(const auto extensions,
                enumerate<VkExtensionProperties>("vkEnumerateInstanceExtensionProperties", list));
  return contains(extensions, name);
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

Result<std::span<const PhysicalDevice>> Instance::devices() {
  const std::lock_guard lock(mutex_);
  if (!opened_) {
    close();  // what a call that failed has left
    PUMICE_TRY(open());
    opened_ = true;
  }
  return std::span<const PhysicalDevice>(devices_);
}

Result<std::unique_ptr<Instance>> Instance::of_host(const HostDevice& host, Log log) {
  auto instance = std::make_unique<Instance>(InstanceOptions{.log = std::move(log)});
  LoaderTable loader;
  loader.vkGetInstanceProcAddr = host.get_instance_proc_addr;
  instance->lent_ = instance->opened_ = true;
  instance->handle_ = host.instance;
  PUMICE_TRY(load(instance->table_, loader, host.instance));
  const DeviceUse use{.features = host.enabled, .queue_family = host.queue_family};
  instance->devices_.push_back({host.physical, read_caps(instance->table_, host.physical, 0, use)});
  return instance;
}

Result<void> Instance::open() {
  const PFN_vkGetInstanceProcAddr given = options_.get_instance_proc_addr;
  const LoaderTable loader = given ? load_loader_table(given) : system_loader();
  uint32_t version = 0;
  if (!loader.complete()) {
    log().write(LogLevel::kWarning, "no Vulkan loader found: install libvulkan1 and a driver");
    return {};
  }
  const VkResult result = loader.vkEnumerateInstanceVersion(&version);
  if (result != VK_SUCCESS) return vulkan_error(result, "vkEnumerateInstanceVersion");
  if (version < VK_API_VERSION_1_2) {
    log().write(LogLevel::kWarning, "the Vulkan loader is older than 1.2");
    return {};
  }
  PUMICE_TRY(create_handle(loader));
  if (!handle_) return {};
  PUMICE_TRY(load(table_, loader, handle_));
  if (debug_utils_) PUMICE_TRY(create_messenger());
  const auto list = [&](uint32_t* count, VkPhysicalDevice* handles) {
    return table_.vkEnumeratePhysicalDevices(handle_, count, handles);
  };
  PUMICE_ASSIGN(const std::vector<VkPhysicalDevice> handles,
                enumerate<VkPhysicalDevice>("vkEnumeratePhysicalDevices", list));
  for (uint32_t i = 0; i < handles.size(); ++i) devices_.push_back({handles[i], read_caps(table_, handles[i], i)});
  return {};
}

Result<void> Instance::create_handle(const LoaderTable& loader) {
  std::vector<const char*> layers, extensions;
  if (options_.validation) {
    PUMICE_ASSIGN(const bool installed, layer_available(loader, kValidationLayer));
    if (installed)
      layers.push_back(kValidationLayer);
    else
      log().write(LogLevel::kWarning, "%s is not installed: nothing is validated", kValidationLayer);
    PUMICE_ASSIGN(debug_utils_, extension_available(loader, VK_EXT_DEBUG_UTILS_EXTENSION_NAME, nullptr));
    if (!debug_utils_ && installed) {
      PUMICE_ASSIGN(debug_utils_, extension_available(loader, VK_EXT_DEBUG_UTILS_EXTENSION_NAME, kValidationLayer));
    }
    if (debug_utils_) extensions.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
  }
  // Without it the loader does not show devices that lack parts of Vulkan, such as MoltenVK's.
  PUMICE_ASSIGN(const bool portability,
                extension_available(loader, VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME, nullptr));
  const VkInstanceCreateFlags flags = portability * VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR;
  if (portability) extensions.push_back(VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME);
  const VkApplicationInfo application{.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                      .pApplicationName = "pumice",
                                      .pEngineName = "pumice",
                                      .apiVersion = VK_API_VERSION_1_2};
  const VkInstanceCreateInfo info{.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                  .flags = flags,
                                  .pApplicationInfo = &application,
                                  .enabledLayerCount = static_cast<uint32_t>(layers.size()),
                                  .ppEnabledLayerNames = layers.data(),
                                  .enabledExtensionCount = static_cast<uint32_t>(extensions.size()),
                                  .ppEnabledExtensionNames = extensions.data()};
  const VkResult result = loader.vkCreateInstance(&info, nullptr, &handle_);
  if (result == VK_SUCCESS && handle_) return {};
  handle_ = VK_NULL_HANDLE;
  if (result == VK_ERROR_OUT_OF_HOST_MEMORY)
    return error(Status::kOutOfHostMemory,
                 "vkCreateInstance: out of host memory, or a driver's manifest is damaged (the loader says the same of "
                 "both): look at VK_DRIVER_FILES and at the folders vulkan/icd.d");
  if (result != VK_ERROR_INCOMPATIBLE_DRIVER) return vulkan_error(result, "vkCreateInstance");
  log().write(LogLevel::kWarning, "no Vulkan driver found: install mesa-vulkan-drivers or your GPU's driver");
  return {};
}

Result<void> Instance::create_messenger() {
  if (!table_.vkCreateDebugUtilsMessengerEXT || !table_.vkDestroyDebugUtilsMessengerEXT) return {};
  const VkDebugUtilsMessengerCreateInfoEXT messenger{
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
      .messageSeverity =
          VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
      .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
      .pfnUserCallback = on_message,
      .pUserData = &options_.log};
  const VkResult result = table_.vkCreateDebugUtilsMessengerEXT(handle_, &messenger, nullptr, &messenger_);
  if (result != VK_SUCCESS) return vulkan_error(result, "vkCreateDebugUtilsMessengerEXT");
  return {};
}

void Instance::close() {
  devices_.clear();
  if (messenger_) table_.vkDestroyDebugUtilsMessengerEXT(handle_, messenger_, nullptr);
  if (handle_ && table_.vkDestroyInstance) table_.vkDestroyInstance(handle_, nullptr);
  messenger_ = VK_NULL_HANDLE;
  handle_ = VK_NULL_HANDLE;
}

Instance::~Instance() {
  if (!abandoned_ && !lent_) close();
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
  if (fitting.empty() && wanted.empty()) {
    // One that could not be asked may be usable another time.
    auto told = std::ranges::find_if(devices, [](const auto& d) { return d.unusable_status != Status::kUnsupported; });
    if (told == devices.end()) told = devices.begin();
    return error(told->unusable_status, "no usable Vulkan device: %s: %s", told->name.c_str(),
                 told->unusable_reason.c_str());
  }
  if (fitting.empty())
    return error(Status::kNotFound, "no device fits '%.*s'; the devices are %s", static_cast<int>(selector.size()),
                 selector.data(), known.c_str());
  if (!wanted.empty() && fitting.size() > 1)
    return error(Status::kInvalidArgument, "'%.*s' fits %zu devices; name one by index: %s",
                 static_cast<int>(selector.size()), selector.data(), fitting.size(), known.c_str());
  const size_t best = *std::min_element(fitting.begin(), fitting.end(), [&](size_t a, size_t b) {
    return preference(devices[a].type) < preference(devices[b].type);
  });
  PUMICE_TRY(check_usable(devices[best]));
  return best;
}

}  // namespace pumice::vk
