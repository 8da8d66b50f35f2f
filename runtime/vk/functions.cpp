#include "vk/functions.h"

#include "base/system_library.h"

namespace pumice::vk {
namespace {

PFN_vkGetInstanceProcAddr open_loader() {
  static constexpr const char* kNames[] = {"libvulkan.so.1", "libvulkan.so", "vulkan-1.dll", "libvulkan.1.dylib",
                                           "libvulkan.dylib"};
  void* const library = open_system_library(kNames);
  return library ? reinterpret_cast<PFN_vkGetInstanceProcAddr>(find_symbol(library, "vkGetInstanceProcAddr")) : nullptr;
}

Error missing(const char* function) { return error(Status::kUnsupported, "the Vulkan driver has no %s", function); }

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
    case VK_ERROR_MEMORY_MAP_FAILED:
    case VK_ERROR_TOO_MANY_OBJECTS:
      return error(Status::kOutOfDeviceMemory, "%s: the driver has no room for more (VkResult %d)", call,
                   static_cast<int>(result));
    case VK_ERROR_INCOMPATIBLE_DRIVER:
      return error(Status::kUnsupported, "%s: no compatible Vulkan driver", call);
    default:
      return error(Status::kUnsupported, "%s: the driver failed with VkResult %d", call, static_cast<int>(result));
  }
}

bool LoaderTable::complete() const {
  bool all = true;
#define PUMICE_VK_HAVE(name) all = all && name;
  PUMICE_VK_LOADER_FUNCTIONS(PUMICE_VK_HAVE)
#undef PUMICE_VK_HAVE
  return all;
}

LoaderTable load_loader_table(PFN_vkGetInstanceProcAddr get) {
  LoaderTable table;
  if (!get) return table;
  table.vkGetInstanceProcAddr = get;
#define PUMICE_VK_LOAD(name) table.name = reinterpret_cast<PFN_##name>(get(nullptr, #name));
  PUMICE_VK_LOADER_FUNCTIONS(PUMICE_VK_LOAD)
#undef PUMICE_VK_LOAD
  return table;
}

const LoaderTable& system_loader() {
  static const LoaderTable table = load_loader_table(open_loader());
  return table;
}

#define PUMICE_VK_NEED(name) \
  if (!table.name) return missing(#name);

Result<void> load(InstanceTable& table, const LoaderTable& loader, VkInstance instance) {
#define PUMICE_VK_LOAD(name) table.name = reinterpret_cast<PFN_##name>(loader.vkGetInstanceProcAddr(instance, #name));
  PUMICE_VK_INSTANCE_FUNCTIONS(PUMICE_VK_LOAD)
  PUMICE_VK_INSTANCE_EXTENSIONS(PUMICE_VK_LOAD)
#undef PUMICE_VK_LOAD
  PUMICE_VK_INSTANCE_FUNCTIONS(PUMICE_VK_NEED)
  return {};
}

Result<void> load(DeviceTable& table, const InstanceTable& from, VkDevice device) {
#define PUMICE_VK_LOAD(name) table.name = reinterpret_cast<PFN_##name>(from.vkGetDeviceProcAddr(device, #name));
  PUMICE_VK_DEVICE_FUNCTIONS(PUMICE_VK_LOAD)
  PUMICE_VK_DEVICE_EXTENSIONS(PUMICE_VK_LOAD)
#undef PUMICE_VK_LOAD
  PUMICE_VK_DEVICE_FUNCTIONS(PUMICE_VK_NEED)
  return {};
}

#undef PUMICE_VK_NEED

}  // namespace pumice::vk
