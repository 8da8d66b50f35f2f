// A host's Vulkan device: what it should enable, and lending it.
#include "api/handles.h"
#include "pumice/pumice_vulkan.h"
#include "vk/enumerate.h"
#include "vk/host_device.h"

namespace pumice {
namespace {

struct GivenPhysical {
  PFN_vkGetInstanceProcAddr get;
  VkInstance instance;
  VkPhysicalDevice device;
};

Result<vk::InstanceTable> table_of(const GivenPhysical& given) {
  if (!given.get || !given.instance || !given.device)
    return invalid("vkGetInstanceProcAddr, an instance and a physical device are needed");
  vk::LoaderTable loader;
  loader.vkGetInstanceProcAddr = given.get;
  vk::InstanceTable table;
  PUMICE_TRY(vk::load(table, loader, given.instance));
  return table;
}

Result<vk::ExtensionList> extensions_of(const vk::InstanceTable& table, VkPhysicalDevice device) {
  return vk::enumerate<VkExtensionProperties>(
      "vkEnumerateDeviceExtensionProperties", [&](uint32_t* count, VkExtensionProperties* list) {
        return table.vkEnumerateDeviceExtensionProperties(device, nullptr, count, list);
      });
}

Result<void> check_import(const PumiceVkImport& from) {
  if (!from.get_instance_proc_addr || !from.instance || !from.physical_device || !from.device || !from.queue)
    return invalid("vkGetInstanceProcAddr, an instance, a physical device, a device and a queue are needed");
  if (!from.created_with) return invalid("created_with: the VkDeviceCreateInfo of the device is needed");
  if (from.api_version != 0 && from.api_version < VK_API_VERSION_1_2)
    return error(Status::kUnsupported, "the instance was created for a Vulkan older than 1.2");
  if (!from.lock_queue != !from.unlock_queue) return invalid("lock_queue and unlock_queue: both or neither");
  if (from.lock_queue && from.submit) return invalid("lock_queue and submit: one of them");
  if (!from.allocate != !from.release) return invalid("allocate and release: both or neither");
  return {};
}

// The library's purposes are its intents by number.
static_assert(PUMICE_VK_MEMORY_HOST_WEIGHTS == static_cast<int>(vk::MemoryIntent::kHostWeights));
static_assert(PUMICE_VK_MEMORY_SHARED == static_cast<int>(vk::MemoryIntent::kShared));

vk::HostDevice host_of(const PumiceVkImport& from) {
  const VkDeviceCreateInfo& made = *from.created_with;
  vk::HostDevice host{
      .get_instance_proc_addr = from.get_instance_proc_addr,
      .instance = from.instance,
      .physical = from.physical_device,
      .device = from.device,
      .queue = from.queue,
      .queue_family = from.queue_family,
      .enabled = vk::enabled_features({made.ppEnabledExtensionNames, made.enabledExtensionCount}, made.pNext,
                                      made.pEnabledFeatures, from.api_version ? from.api_version : VK_API_VERSION_1_2),
      .queue_calls = {from.lock_queue, from.unlock_queue, from.submit, from.queue_user},
      .memory_calls = {from.allocate, from.release, from.memory_user},
      .pipeline_cache = from.pipeline_cache};
  if (from.allocator) host.allocator = *from.allocator;
  return host;
}

}  // namespace
}  // namespace pumice

struct PumiceVkDeviceInfo {
  pumice::vk::MergedDeviceInfo merged;
};

using namespace pumice;

extern "C" {

PumiceResult pumice_vk_requirements(PumiceInstance* instance, PFN_vkGetInstanceProcAddr get_instance_proc_addr,
                                    VkInstance vk_instance, VkPhysicalDevice physical_device, PumiceVkRequirement* list,
                                    size_t capacity, size_t* count) {
  if (!instance) return PUMICE_INVALID_ARGUMENT;
  return guarded(&instance->object->last_error, [&]() -> Result<void> {
    if (!count || (capacity > 0 && !list)) return invalid("list or count");
    PUMICE_ASSIGN(const vk::InstanceTable table, table_of({get_instance_proc_addr, vk_instance, physical_device}));
    PUMICE_ASSIGN(const vk::ExtensionList extensions, extensions_of(table, physical_device));
    const vk::FeatureSet offered = vk::offered_features(table, physical_device, extensions);
    const std::span<const vk::FeatureFacts> facts = vk::feature_facts();
    for (size_t i = 0; i < std::min(capacity, facts.size()); ++i) {
      PUMICE_TRY(check_struct(&list[i], "requirement"));
      PumiceVkRequirement made = pumice_vk_requirement_init();
      made.feature = facts[i].name;
      made.extension = facts[i].extension;
      made.structure = facts[i].type;
      made.required = facts[i].required;
      made.offered = offered.test(i);
      made.brings = facts[i].brings;
      made.otherwise = facts[i].otherwise;
      hand_out(made, &list[i]);
    }
    *count = facts.size();
    return {};
  });
}

PumiceResult pumice_vk_device_info_create(PumiceInstance* instance, PFN_vkGetInstanceProcAddr get_instance_proc_addr,
                                          VkInstance vk_instance, VkPhysicalDevice physical_device,
                                          const VkDeviceCreateInfo* from, PumiceVkDeviceInfo** info) {
  if (!instance) return PUMICE_INVALID_ARGUMENT;
  return guarded(&instance->object->last_error, [&]() -> Result<void> {
    if (!from || !info) return invalid("from or info");
    PUMICE_ASSIGN(const vk::InstanceTable table, table_of({get_instance_proc_addr, vk_instance, physical_device}));
    const vk::DeviceCaps caps = vk::read_caps(table, physical_device, 0);
    PUMICE_TRY(vk::check_usable(caps));
    *info = new PumiceVkDeviceInfo{vk::MergedDeviceInfo(*from, caps)};
    return {};
  });
}

const VkDeviceCreateInfo* pumice_vk_device_info_get(const PumiceVkDeviceInfo* info) {
  return info ? &info->merged.info() : nullptr;
}

void pumice_vk_device_info_destroy(PumiceVkDeviceInfo* info) { delete info; }

PumiceResult pumice_device_import(PumiceInstance* instance, const PumiceVkImport* from,
                                  const PumiceDeviceOptions* options, PumiceDevice** device) {
  if (!instance) return PUMICE_INVALID_ARGUMENT;
  return guarded(&instance->object->last_error, [&]() -> Result<void> {
    if (!device) return invalid("device");
    PUMICE_ASSIGN(const PumiceVkImport given, taken(from, pumice_vk_import_init(), "import"));
    PUMICE_ASSIGN(const PumiceDeviceOptions wanted,
                  taken_if_given(options, pumice_device_options_init(), "device options"));
    PUMICE_TRY(check_import(given));
    vk::HostDevice host = host_of(given);
    auto object = std::make_shared<DeviceObject>();
    object->parent = instance->object;
    PUMICE_ASSIGN(object->lent, vk::Instance::of_host(host, instance->object->instance->log()));
    PUMICE_ASSIGN(const std::span<const vk::PhysicalDevice> devices, object->lent->devices());
    PUMICE_TRY(open_device(*object, *object->lent, devices[0], wanted, std::move(host)));
    *device = new PumiceDevice{std::move(object)};
    return {};
  });
}

PumiceResult pumice_vk_wait_before_next(PumiceDevice* device, VkSemaphore semaphore, uint64_t value) {
  if (!device) return PUMICE_INVALID_ARGUMENT;
  return guarded(&device->object->last_error,
                 [&]() -> Result<void> { return device->object->device->wait_before_next(semaphore, value); });
}

PumiceResult pumice_vk_signal_with_next(PumiceDevice* device, VkSemaphore semaphore, uint64_t value) {
  if (!device) return PUMICE_INVALID_ARGUMENT;
  return guarded(&device->object->last_error,
                 [&]() -> Result<void> { return device->object->device->signal_with_next(semaphore, value); });
}

PumiceResult pumice_vk_timeline(PumiceDevice* device, VkSemaphore* semaphore, uint64_t* value) {
  if (!device) return PUMICE_INVALID_ARGUMENT;
  return guarded(&device->object->last_error, [&]() -> Result<void> {
    if (!semaphore || !value) return invalid("semaphore or value");
    *semaphore = device->object->device->timeline();
    *value = device->object->device->sent();
    return {};
  });
}

PumiceResult pumice_record(PumiceContext* context, VkCommandBuffer commands, PumiceFrame* frame, uint64_t* value) {
  if (!context) return PUMICE_INVALID_ARGUMENT;
  return guarded(&context->object->last_error, [&]() -> Result<void> {
    if (!commands || !value) return invalid("commands or value");
    return step_frame(*context->object, frame, commands, value);
  });
}

PumiceResult pumice_record_done(PumiceDevice* device, uint64_t value) {
  if (!device) return PUMICE_INVALID_ARGUMENT;
  return guarded(&device->object->last_error, [&] { return device->object->device->recorded_done(value); });
}

}  // extern "C"
