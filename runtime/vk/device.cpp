#include "vk/device.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "vk/features.h"
#include "vk/pipeline_cache.h"

namespace pumice::vk {

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(handle_, other.handle_);
  std::swap(size_, other.size_);
  std::swap(address_, other.address_);
  std::swap(allocation_, other.allocation_);
  return *this;
}

Buffer::~Buffer() {
  if (!handle_ || device_->abandoned()) return;
  device_->table().vkDestroyBuffer(device_->handle(), handle_, device_->allocator());
  device_->memory_->free(allocation_);
}

Result<std::unique_ptr<Device>> Device::create(const Instance& instance, VkPhysicalDevice physical,
                                               DeviceOptions options) {
  if (options.hang_limit.count() == 0)
    options.hang_limit = std::chrono::seconds(options.caps.type == DeviceType::kCpu ? 3600 : 120);
  std::unique_ptr<Device> device(new Device(instance, std::move(options)));
  PUMICE_TRY(device->create_handle(physical));
  PUMICE_TRY(device->create_objects(physical));
  return device;
}

Result<void> Device::create_handle(VkPhysicalDevice physical) {
  PUMICE_TRY(check_usable(caps()));
  physical_ = physical;
  if (options_.host)
    handle_ = options_.host->device;
  else
    PUMICE_TRY(create_own(physical));
  PUMICE_TRY(load(table_, instance_.table(), handle_));
  if (options_.host)
    queue_ = options_.host->queue;
  else
    table_.vkGetDeviceQueue(handle_, caps().queue_family, 0, &queue_);
  return {};
}

Result<void> Device::create_own(VkPhysicalDevice physical) {
  const float priority = 1.0f;
  const VkDeviceQueueCreateInfo queue{.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                      .queueFamilyIndex = caps().queue_family,
                                      .queueCount = 1,
                                      .pQueuePriorities = &priority};
  const VkDeviceCreateInfo info{
      .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .queueCreateInfoCount = 1, .pQueueCreateInfos = &queue};
  const MergedDeviceInfo merged(info, caps());
  VkDevice handle = VK_NULL_HANDLE;
  const VkResult result = instance_.table().vkCreateDevice(physical, &merged.info(), nullptr, &handle);
  if (result != VK_SUCCESS) return vulkan_error(result, "vkCreateDevice");
  handle_ = handle;
  return {};
}

Result<void> Device::create_objects(VkPhysicalDevice physical) {
  VkPhysicalDeviceMemoryProperties2 memory{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2};
  instance_.table().vkGetPhysicalDeviceMemoryProperties2(physical, &memory);
  memory_ = std::make_unique<MemoryAllocator>(memory.memoryProperties, handle_, table_, caps(),
                                              options_.host ? &*options_.host : nullptr);
  const VkSemaphoreTypeCreateInfo type{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                       .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
  const VkSemaphoreCreateInfo semaphore{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type};
  VkResult result = table_.vkCreateSemaphore(handle_, &semaphore, allocator(), &timeline_);
  if (result != VK_SUCCESS) return vulkan_error(result, "vkCreateSemaphore");

  PUMICE_TRY(prepare_semaphores());
  if (options_.host && options_.host->pipeline_cache) {
    pipeline_cache_ = options_.host->pipeline_cache;
    return {};
  }
  const std::vector<std::byte> stored = read_pipeline_cache(options_.pipeline_cache_path, caps());
  const VkPipelineCacheCreateInfo cache{.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
                                        .initialDataSize = stored.size(),
                                        .pInitialData = stored.data()};
  result = table_.vkCreatePipelineCache(handle_, &cache, allocator(), &pipeline_cache_);
  if (result != VK_SUCCESS) return vulkan_error(result, "vkCreatePipelineCache");
  return {};
}

// Drivers have said anything for the size.
uint64_t Device::memory_allowance() const {
  if (!caps().memory_budget || caps().type == DeviceType::kCpu) return UINT64_MAX;
  VkPhysicalDeviceMemoryBudgetPropertiesEXT budget{.sType =
                                                       VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT};
  VkPhysicalDeviceMemoryProperties2 memory{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
                                           .pNext = &budget};
  instance_.table().vkGetPhysicalDeviceMemoryProperties2(physical_, &memory);
  const uint32_t heap = largest_device_heap(believable(memory.memoryProperties));
  if (heap == VK_MAX_MEMORY_HEAPS || budget.heapBudget[heap] == 0) return UINT64_MAX;
  const uint64_t reserved = memory_->reserved_bytes();
  const uint64_t others = budget.heapUsage[heap] - std::min(budget.heapUsage[heap], reserved);
  return budget.heapBudget[heap] - std::min(budget.heapBudget[heap], others);
}

Result<void> Device::store_pipeline_cache() {
  constexpr size_t kMost = size_t{256} << 20;
  size_t size = 0;
  VkResult result = table_.vkGetPipelineCacheData(handle_, pipeline_cache_, &size, nullptr);
  if (result != VK_SUCCESS) return vulkan_error(result, "vkGetPipelineCacheData");
  if (size > kMost) return error(Status::kUnsupported, "the driver wants %zu bytes for it", size);
  if (size == 0) return {};
  std::vector<std::byte> data(size);
  result = table_.vkGetPipelineCacheData(handle_, pipeline_cache_, &size, data.data());
  if (result != VK_SUCCESS) return vulkan_error(result, "vkGetPipelineCacheData");
  data.resize(std::min(size, data.size()));
  return write_pipeline_cache(options_.pipeline_cache_path, caps(), data);
}

Device::~Device() {
  if (!handle_) return;
  if (timeline_) settle(last_value_.load());
  if (abandoned()) {
    memory_->abandon();
    instance_.abandon();
    return;
  }
  if (pipeline_cache_ && !(options_.host && options_.host->pipeline_cache)) {
    // It only saves time: whatever goes wrong with it, memory that runs out included, is told at most.
    try {
      const Result<void> stored =
          options_.pipeline_cache_path.empty() || lost_ ? Result<void>() : store_pipeline_cache();
      if (!stored) log().write(LogLevel::kWarning, "pipeline cache not written: %s", stored.error().message.c_str());
    } catch (...) {
    }
    table_.vkDestroyPipelineCache(handle_, pipeline_cache_, allocator());
  }
  if (timeline_) table_.vkDestroySemaphore(handle_, timeline_, allocator());
  memory_.reset();
  if (table_.vkDestroyDevice && !options_.host) table_.vkDestroyDevice(handle_, nullptr);
}

void Device::label(VkCommandBuffer commands, const char* name) const {
  if (!instance_.debug_labels() || !table_.vkCmdInsertDebugUtilsLabelEXT) return;
  const VkDebugUtilsLabelEXT info{.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT, .pLabelName = name};
  table_.vkCmdInsertDebugUtilsLabelEXT(commands, &info);
}

Result<Buffer> Device::create_buffer(uint64_t bytes, MemoryIntent intent) {
  Buffer buffer;
  buffer.device_ = this;
  buffer.size_ = std::max<uint64_t>(bytes, 4);
  const VkBufferUsageFlags addresses = caps().buffer_address ? VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT : 0;
  const VkBufferCreateInfo info{.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                .size = buffer.size_,
                                .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                                         VK_BUFFER_USAGE_TRANSFER_DST_BIT | VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT |
                                         addresses};
  VkBuffer handle = VK_NULL_HANDLE;
  VkResult result = table_.vkCreateBuffer(handle_, &info, allocator(), &handle);
  if (result != VK_SUCCESS) return vulkan_error(result, "vkCreateBuffer");
  buffer.handle_ = handle;
  VkMemoryRequirements requirements{};
  table_.vkGetBufferMemoryRequirements(handle_, handle, &requirements);
  if (requirements.size < buffer.size_)
    return error(Status::kUnsupported, "the driver gives a buffer of %llu bytes only %llu",
                 static_cast<unsigned long long>(buffer.size_), static_cast<unsigned long long>(requirements.size));
  PUMICE_ASSIGN(buffer.allocation_, memory_->allocate(requirements, intent));
  result = table_.vkBindBufferMemory(handle_, handle, buffer.allocation_.memory, buffer.allocation_.offset);
  if (result != VK_SUCCESS) return vulkan_error(result, "vkBindBufferMemory");
  const VkBufferDeviceAddressInfo of{.sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO, .buffer = handle};
  if (addresses) buffer.address_ = table_.vkGetBufferDeviceAddress(handle_, &of);
  return buffer;
}

}  // namespace pumice::vk
