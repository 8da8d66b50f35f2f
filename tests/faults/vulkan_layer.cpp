// VK_LAYER_PUMICE_faults: a Vulkan layer that makes the N-th call of a function fail, counts objects, hides the memory
// that host and device share, and lies. It is told what to do through VulkanFaults.
#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "faults/vulkan_link.h"

namespace pumice::faults {
namespace {

std::set<VkDeviceMemory> hidden;  // with `discrete`: what the host must not map

void fill(InstanceLink& link, VkInstance instance, PFN_vkGetInstanceProcAddr get);
void fill(DeviceLink& link, VkDevice device, PFN_vkGetDeviceProcAddr get);

// ---- Functions of a device: Hook fails them, Make and Destroy count the objects. ------------------------------------

template <VulkanCall kCall, typename Function>
struct Hook;
template <VulkanCall kCall, typename First, typename... Rest>
struct Hook<kCall, VkResult(VKAPI_PTR*)(First, Rest...)> {
  static VKAPI_ATTR VkResult VKAPI_CALL call(First first, Rest... rest) {
    using Function = VkResult(VKAPI_PTR*)(First, Rest...);
    DeviceLink& device = device_of(first);
    if (const VkResult code = fault(kCall, &device)) return code;
    return next<Function>(device, kVulkanCallNames[static_cast<size_t>(kCall)])(first, rest...);
  }
};
template <VulkanCall kCall, typename Function>
struct Make;
template <VulkanCall kCall, typename Info, typename Object>
struct Make<kCall, VkResult(VKAPI_PTR*)(VkDevice, const Info*, const VkAllocationCallbacks*, Object*)> {
  static VKAPI_ATTR VkResult VKAPI_CALL call(VkDevice device, const Info* info, const VkAllocationCallbacks* callbacks,
                                             Object* object) {
    using Function = VkResult(VKAPI_PTR*)(VkDevice, const Info*, const VkAllocationCallbacks*, Object*);
    const VkResult code = Hook<kCall, Function>::call(device, info, callbacks, object);
    if (code == VK_SUCCESS) ++faults.live;
    return code;
  }
};
template <auto* kName, typename Object>
VKAPI_ATTR void VKAPI_CALL destroy(VkDevice device, Object object, const VkAllocationCallbacks* callbacks) {
  using Function = void(VKAPI_PTR*)(VkDevice, Object, const VkAllocationCallbacks*);
  if (object) --faults.live;
  next<Function>(device_of(device), *kName)(device, object, callbacks);
}

// Polls that find nothing new are not counted: how many there are depends on the machine's speed.
VKAPI_ATTR VkResult VKAPI_CALL wait_semaphores(VkDevice device, const VkSemaphoreWaitInfo* info, uint64_t timeout) {
  DeviceLink& link = device_of(device);
  const VkResult waited = next<PFN_vkWaitSemaphores>(link, "vkWaitSemaphores")(device, info, timeout);
  if (waited == VK_TIMEOUT && !link.lost) return waited;
  const VkResult code = fault(VulkanCall::vkWaitSemaphores, &link);
  return code ? code : waited;
}

VKAPI_ATTR VkResult VKAPI_CALL counter_value(VkDevice device, VkSemaphore semaphore, uint64_t* value) {
  DeviceLink& link = device_of(device);
  const auto get = next<PFN_vkGetSemaphoreCounterValue>(link, "vkGetSemaphoreCounterValue");
  const VkResult got = get(device, semaphore, value);
  if (link.counter.exchange(*value) == *value && !link.lost) return got;
  const VkResult code = fault(VulkanCall::vkGetSemaphoreCounterValue, &link);
  return code ? code : got;
}

VKAPI_ATTR VkResult VKAPI_CALL make_pipelines(VkDevice device, VkPipelineCache cache, uint32_t count,
                                              const VkComputePipelineCreateInfo* infos,
                                              const VkAllocationCallbacks* callbacks, VkPipeline* pipelines) {
  using Same = Hook<VulkanCall::vkCreateComputePipelines, PFN_vkCreateComputePipelines>;
  std::fill_n(pipelines, count, VkPipeline{});
  const VkResult code = Same::call(device, cache, count, infos, callbacks, pipelines);
  for (uint32_t i = 0; i < count; ++i) faults.live += pipelines[i] != VkPipeline{};
  return code;
}

VKAPI_ATTR VkResult VKAPI_CALL allocate_memory(VkDevice device, const VkMemoryAllocateInfo* info,
                                               const VkAllocationCallbacks* callbacks, VkDeviceMemory* memory) {
  VkMemoryAllocateInfo changed = *info;
  if (faults.discrete) changed.memoryTypeIndex = 0;
  const VkResult code =
      Make<VulkanCall::vkAllocateMemory, PFN_vkAllocateMemory>::call(device, &changed, callbacks, memory);
  std::lock_guard lock(mutex);
  if (code == VK_SUCCESS && faults.discrete && info->memoryTypeIndex == 0) hidden.insert(*memory);
  return code;
}

VKAPI_ATTR void VKAPI_CALL free_memory(VkDevice device, VkDeviceMemory memory, const VkAllocationCallbacks* callbacks) {
  if (memory) --faults.live;
  {
    std::lock_guard lock(mutex);
    hidden.erase(memory);
  }
  next<PFN_vkFreeMemory>(device_of(device), "vkFreeMemory")(device, memory, callbacks);
}

VKAPI_ATTR VkResult VKAPI_CALL map_memory(VkDevice device, VkDeviceMemory memory, VkDeviceSize offset,
                                          VkDeviceSize size, VkMemoryMapFlags flags, void** data) {
  {
    std::lock_guard lock(mutex);
    if (hidden.contains(memory)) return VK_ERROR_MEMORY_MAP_FAILED;
  }
  return Hook<VulkanCall::vkMapMemory, PFN_vkMapMemory>::call(device, memory, offset, size, flags, data);
}

VKAPI_ATTR void VKAPI_CALL buffer_requirements(VkDevice device, VkBuffer buffer, VkMemoryRequirements* requirements) {
  const char* name = "vkGetBufferMemoryRequirements";
  next<PFN_vkGetBufferMemoryRequirements>(device_of(device), name)(device, buffer, requirements);
  if (faults.discrete) requirements->memoryTypeBits = 3;
  if (lie() && lie()->requirements) lie()->requirements(*requirements);
}

VKAPI_ATTR VkResult VKAPI_CALL cache_data(VkDevice device, VkPipelineCache cache, size_t* size, void* data) {
  using Same = Hook<VulkanCall::vkGetPipelineCacheData, PFN_vkGetPipelineCacheData>;
  const VkResult code = Same::call(device, cache, size, data);
  if (code == VK_SUCCESS && !data && lie() && lie()->cache_size) *size = lie()->cache_size;
  return code;
}

VKAPI_ATTR void VKAPI_CALL destroy_device(VkDevice device, const VkAllocationCallbacks* callbacks) {
  if (!device) return;
  DeviceLink& link = device_of(device);
  const auto destroy = next<PFN_vkDestroyDevice>(link, "vkDestroyDevice");
  link.key = nullptr;
  --faults.live;
  destroy(device, callbacks);
}

// ---- Functions of an instance. --------------------------------------------------------------------------------------

template <typename Info>
Info* link_info(const void* chain, VkStructureType type) {
  for (auto* info = static_cast<Info*>(const_cast<void*>(chain)); info;
       info = static_cast<Info*>(const_cast<void*>(info->pNext)))
    if (info->sType == type && info->function == VK_LAYER_LINK_INFO) return info;
  return nullptr;
}

template <typename Link, size_t kCount>
Link& free_link(Link (&links)[kCount]) {
  for (Link& link : links)
    if (!link.key) return link;
  return links[0];
}

VKAPI_ATTR VkResult VKAPI_CALL create_instance(const VkInstanceCreateInfo* info, const VkAllocationCallbacks* callbacks,
                                               VkInstance* instance) {
  if (const VkResult code = fault(VulkanCall::vkCreateInstance)) return code;
  auto* layer = link_info<VkLayerInstanceCreateInfo>(info->pNext, VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO);
  const PFN_vkGetInstanceProcAddr get = layer->u.pLayerInfo->pfnNextGetInstanceProcAddr;
  layer->u.pLayerInfo = layer->u.pLayerInfo->pNext;
  const auto create = reinterpret_cast<PFN_vkCreateInstance>(get(VK_NULL_HANDLE, "vkCreateInstance"));
  const VkResult code = create(info, callbacks, instance);
  if (code != VK_SUCCESS) return code;
  std::lock_guard lock(mutex);
  fill(free_link(instances), *instance, get);
  ++faults.live;
  return code;
}

VKAPI_ATTR void VKAPI_CALL destroy_instance(VkInstance instance, const VkAllocationCallbacks* callbacks) {
  if (!instance) return;
  InstanceLink& link = instance_of(instance);
  const auto destroy = next<PFN_vkDestroyInstance>(link, "vkDestroyInstance");
  link.key = nullptr;
  --faults.live;
  destroy(instance, callbacks);
}

VKAPI_ATTR VkResult VKAPI_CALL create_device(VkPhysicalDevice physical, const VkDeviceCreateInfo* info,
                                             const VkAllocationCallbacks* callbacks, VkDevice* device) {
  if (const VkResult code = fault(VulkanCall::vkCreateDevice)) return code;
  auto* layer = link_info<VkLayerDeviceCreateInfo>(info->pNext, VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO);
  const PFN_vkGetDeviceProcAddr get = layer->u.pLayerInfo->pfnNextGetDeviceProcAddr;
  layer->u.pLayerInfo = layer->u.pLayerInfo->pNext;
  const VkResult code =
      next<PFN_vkCreateDevice>(instance_of(physical), "vkCreateDevice")(physical, info, callbacks, device);
  if (code != VK_SUCCESS) return code;
  std::lock_guard lock(mutex);
  fill(free_link(devices), *device, get);
  ++faults.live;
  return code;
}

VKAPI_ATTR VkResult VKAPI_CALL enumerate_devices(VkInstance instance, uint32_t* count, VkPhysicalDevice* physical) {
  if (const VkResult code = fault(VulkanCall::vkEnumeratePhysicalDevices)) return code;
  if (lie() && lie()->no_devices) return *count = 0, VK_SUCCESS;
  const char* name = "vkEnumeratePhysicalDevices";
  return next<PFN_vkEnumeratePhysicalDevices>(instance_of(instance), name)(instance, count, physical);
}

VKAPI_ATTR VkResult VKAPI_CALL enumerate_extensions(VkPhysicalDevice physical, const char* layer, uint32_t* count,
                                                    VkExtensionProperties* extensions) {
  if (const VkResult code = fault(VulkanCall::vkEnumerateDeviceExtensionProperties)) return code;
  const char* name = "vkEnumerateDeviceExtensionProperties";
  return next<PFN_vkEnumerateDeviceExtensionProperties>(instance_of(physical), name)(physical, layer, count,
                                                                                     extensions);
}

void change(VkPhysicalDeviceProperties& properties) {
  if (faults.discrete) properties.deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
  if (lie() && lie()->properties) lie()->properties(properties);
}

void change(VkPhysicalDeviceMemoryProperties& memory) {
  if (faults.discrete) {
    memory.memoryHeapCount = memory.memoryTypeCount = 2;
    memory.memoryHeaps[0].flags = VK_MEMORY_HEAP_DEVICE_LOCAL_BIT;
    memory.memoryHeaps[1] = {.size = memory.memoryHeaps[0].size, .flags = 0};
    memory.memoryTypes[0] = {.propertyFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, .heapIndex = 0};
    memory.memoryTypes[1] = {.propertyFlags = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                              VK_MEMORY_PROPERTY_HOST_COHERENT_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
                             .heapIndex = 1};
  }
  if (lie() && lie()->memory) lie()->memory(memory);
}

VKAPI_ATTR void VKAPI_CALL properties(VkPhysicalDevice physical, VkPhysicalDeviceProperties* to) {
  next<PFN_vkGetPhysicalDeviceProperties>(instance_of(physical), "vkGetPhysicalDeviceProperties")(physical, to);
  change(*to);
}

VKAPI_ATTR void VKAPI_CALL properties2(VkPhysicalDevice physical, VkPhysicalDeviceProperties2* to) {
  next<PFN_vkGetPhysicalDeviceProperties2>(instance_of(physical), "vkGetPhysicalDeviceProperties2")(physical, to);
  change(to->properties);
  if (!lie() || !lie()->chained) return;
  for (auto* chained = static_cast<VkBaseOutStructure*>(to->pNext); chained; chained = chained->pNext)
    lie()->chained(*chained);
}

VKAPI_ATTR void VKAPI_CALL memory_properties(VkPhysicalDevice physical, VkPhysicalDeviceMemoryProperties* to) {
  const char* name = "vkGetPhysicalDeviceMemoryProperties";
  next<PFN_vkGetPhysicalDeviceMemoryProperties>(instance_of(physical), name)(physical, to);
  change(*to);
}

VKAPI_ATTR void VKAPI_CALL memory_properties2(VkPhysicalDevice physical, VkPhysicalDeviceMemoryProperties2* to) {
  const char* name = "vkGetPhysicalDeviceMemoryProperties2";
  next<PFN_vkGetPhysicalDeviceMemoryProperties2>(instance_of(physical), name)(physical, to);
  change(to->memoryProperties);
}

VKAPI_ATTR void VKAPI_CALL queue_families(VkPhysicalDevice physical, uint32_t* count,
                                          VkQueueFamilyProperties* families) {
  const char* name = "vkGetPhysicalDeviceQueueFamilyProperties";
  next<PFN_vkGetPhysicalDeviceQueueFamilyProperties>(instance_of(physical), name)(physical, count, families);
  if (!lie()) return;
  if (lie()->no_queues) *count = 0;
  for (uint32_t i = 0; families && lie()->queue && i < *count; ++i) lie()->queue(families[i]);
}

// ---- Which functions are the layer's. -------------------------------------------------------------------------------

struct Entry {
  const char* name;
  PFN_vkVoidFunction function;
};
template <typename Function>
PFN_vkVoidFunction plain(Function function) {
  return reinterpret_cast<PFN_vkVoidFunction>(function);
}

#define HOOK(name) {#name, plain(Hook<VulkanCall::name, PFN_##name>::call)}
#define MAKE(name) {#name, plain(Make<VulkanCall::name, PFN_##name>::call)}
#define DESTROY(object) {"vkDestroy" #object, plain(destroy<&kDestroy##object, Vk##object>)}
#define DESTROY_NAME(object) constexpr const char* kDestroy##object = "vkDestroy" #object;
DESTROY_NAME(Buffer)
DESTROY_NAME(ShaderModule)
DESTROY_NAME(DescriptorSetLayout)
DESTROY_NAME(PipelineLayout)
DESTROY_NAME(Pipeline)
DESTROY_NAME(DescriptorPool)
DESTROY_NAME(CommandPool)
DESTROY_NAME(Semaphore)
DESTROY_NAME(PipelineCache)
DESTROY_NAME(QueryPool)

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL device_function(VkDevice device, const char* name);
VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL instance_function(VkInstance instance, const char* name);

const Entry kDeviceEntries[] = {
    {"vkGetDeviceProcAddr", plain(device_function)},
    {"vkDestroyDevice", plain(destroy_device)},
    {"vkAllocateMemory", plain(allocate_memory)},
    {"vkFreeMemory", plain(free_memory)},
    {"vkMapMemory", plain(map_memory)},
    {"vkGetBufferMemoryRequirements", plain(buffer_requirements)},
    {"vkGetPipelineCacheData", plain(cache_data)},
    {"vkCreateComputePipelines", plain(make_pipelines)},
    MAKE(vkCreateBuffer),
    DESTROY(Buffer),
    HOOK(vkBindBufferMemory),
    MAKE(vkCreateShaderModule),
    DESTROY(ShaderModule),
    MAKE(vkCreateDescriptorSetLayout),
    DESTROY(DescriptorSetLayout),
    MAKE(vkCreatePipelineLayout),
    DESTROY(PipelineLayout),
    DESTROY(Pipeline),
    MAKE(vkCreateDescriptorPool),
    DESTROY(DescriptorPool),
    HOOK(vkAllocateDescriptorSets),
    MAKE(vkCreateCommandPool),
    DESTROY(CommandPool),
    HOOK(vkAllocateCommandBuffers),
    HOOK(vkBeginCommandBuffer),
    HOOK(vkEndCommandBuffer),
    HOOK(vkResetCommandPool),
    HOOK(vkQueueSubmit),
    {"vkWaitSemaphores", plain(wait_semaphores)},
    {"vkGetSemaphoreCounterValue", plain(counter_value)},
    MAKE(vkCreateSemaphore),
    DESTROY(Semaphore),
    MAKE(vkCreatePipelineCache),
    DESTROY(PipelineCache),
    MAKE(vkCreateQueryPool),
    DESTROY(QueryPool),
    HOOK(vkGetQueryPoolResults),
    HOOK(vkDeviceWaitIdle),
};
const Entry kInstanceEntries[] = {
    {"vkGetInstanceProcAddr", plain(instance_function)},
    {"vkCreateInstance", plain(create_instance)},
    {"vkDestroyInstance", plain(destroy_instance)},
    {"vkCreateDevice", plain(create_device)},
    {"vkEnumeratePhysicalDevices", plain(enumerate_devices)},
    {"vkEnumerateDeviceExtensionProperties", plain(enumerate_extensions)},
    {"vkGetPhysicalDeviceProperties", plain(properties)},
    {"vkGetPhysicalDeviceProperties2", plain(properties2)},
    {"vkGetPhysicalDeviceMemoryProperties", plain(memory_properties)},
    {"vkGetPhysicalDeviceMemoryProperties2", plain(memory_properties2)},
    {"vkGetPhysicalDeviceQueueFamilyProperties", plain(queue_families)},
};

template <typename Link, typename Handle, typename Get, size_t kCount>
void fill_with(Link& link, Handle handle, Get get, const Entry (&entries)[kCount]) {
  link.handle = handle;
  link.get = get;
  link.functions.clear();
  for (const Entry& entry : entries) link.functions[entry.name] = get(handle, entry.name);
  link.key = key_of(handle);
}
void fill(InstanceLink& link, VkInstance instance, PFN_vkGetInstanceProcAddr get) {
  fill_with(link, instance, get, kInstanceEntries);
}
void fill(DeviceLink& link, VkDevice device, PFN_vkGetDeviceProcAddr get) {
  link.lost = false, link.counter = 0;
  fill_with(link, device, get, kDeviceEntries);
}

template <size_t kCount>
PFN_vkVoidFunction find(const Entry (&entries)[kCount], std::string_view name) {
  for (const Entry& entry : entries)
    if (name == entry.name) return entry.function;
  return nullptr;
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL device_function(VkDevice device, const char* name) {
  if (const PFN_vkVoidFunction own = find(kDeviceEntries, name)) return own;
  return device_of(device).get(device, name);
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL instance_function(VkInstance instance, const char* name) {
  if (const PFN_vkVoidFunction own = find(kInstanceEntries, name)) return own;
  if (const PFN_vkVoidFunction own = find(kDeviceEntries, name)) return own;
  return instance ? instance_of(instance).get(instance, name) : nullptr;
}

}  // namespace
}  // namespace pumice::faults

extern "C" __attribute__((visibility("default"))) pumice::faults::VulkanFaults* pumice_vulkan_faults() {
  return &pumice::faults::faults;
}

extern "C" __attribute__((visibility("default"))) VKAPI_ATTR VkResult VKAPI_CALL
vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface* version) {
  version->loaderLayerInterfaceVersion = 2;
  version->pfnGetInstanceProcAddr = pumice::faults::instance_function;
  version->pfnGetDeviceProcAddr = pumice::faults::device_function;
  version->pfnGetPhysicalDeviceProcAddr = nullptr;
  return VK_SUCCESS;
}
