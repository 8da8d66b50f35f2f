#include "vk/device.h"

#include <utility>
#include <vector>

#include "vk/features.h"
#include "vk/pipeline_cache.h"

namespace pumice::vk {

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(handle_, other.handle_);
  std::swap(size_, other.size_);
  std::swap(allocation_, other.allocation_);
  return *this;
}

Buffer::~Buffer() {
  if (!handle_) return;
  device_->table().vkDestroyBuffer(device_->handle(), handle_, nullptr);
  device_->memory_->free(allocation_);
}

Result<std::unique_ptr<Device>> Device::create(const Instance& instance, VkPhysicalDevice physical,
                                               DeviceOptions options) {
  std::unique_ptr<Device> device(new Device(instance, std::move(options)));
  PUMICE_TRY(device->create_handle(physical));
  PUMICE_TRY(device->create_objects(physical));
  return device;
}

Result<void> Device::create_handle(VkPhysicalDevice physical) {
  uint32_t count = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families.data());
  while (queue_family_ < count && !(families[queue_family_].queueFlags & VK_QUEUE_COMPUTE_BIT)) ++queue_family_;
  if (queue_family_ == count) return error(Status::kUnsupported, "%s has no compute queue", caps().name.c_str());

  const float priority = 1.0f;
  const VkDeviceQueueCreateInfo queue{.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                      .queueFamilyIndex = queue_family_,
                                      .queueCount = 1,
                                      .pQueuePriorities = &priority};
  DeviceFeatures features(caps());
  const VkDeviceCreateInfo info{.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                .pNext = features.chain(),
                                .queueCreateInfoCount = 1,
                                .pQueueCreateInfos = &queue,
                                .enabledExtensionCount = static_cast<uint32_t>(features.extensions().size()),
                                .ppEnabledExtensionNames = features.extensions().data()};
  const VkResult result = vkCreateDevice(physical, &info, nullptr, &handle_);
  if (result != VK_SUCCESS) return vulkan_error(result, "vkCreateDevice");
  volkLoadDeviceTable(&table_, handle_);
  table_.vkGetDeviceQueue(handle_, queue_family_, 0, &queue_);
  if (instance_.debug_labels())
    insert_label_ = reinterpret_cast<PFN_vkCmdInsertDebugUtilsLabelEXT>(
        vkGetDeviceProcAddr(handle_, "vkCmdInsertDebugUtilsLabelEXT"));
  return {};
}

Result<void> Device::create_objects(VkPhysicalDevice physical) {
  memory_ = std::make_unique<MemoryAllocator>(physical, handle_, table_, caps());
  const VkSemaphoreTypeCreateInfo type{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                       .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
  const VkSemaphoreCreateInfo semaphore{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type};
  VkResult result = table_.vkCreateSemaphore(handle_, &semaphore, nullptr, &timeline_);
  if (result != VK_SUCCESS) return vulkan_error(result, "vkCreateSemaphore");

  const std::vector<std::byte> stored = read_pipeline_cache(options_.pipeline_cache_path, caps());
  const VkPipelineCacheCreateInfo cache{.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
                                        .initialDataSize = stored.size(),
                                        .pInitialData = stored.data()};
  result = table_.vkCreatePipelineCache(handle_, &cache, nullptr, &pipeline_cache_);
  if (result != VK_SUCCESS) return vulkan_error(result, "vkCreatePipelineCache");
  return {};
}

Device::~Device() {
  if (!handle_) return;
  table_.vkDeviceWaitIdle(handle_);
  if (pipeline_cache_) {
    if (!options_.pipeline_cache_path.empty()) {
      size_t size = 0;
      table_.vkGetPipelineCacheData(handle_, pipeline_cache_, &size, nullptr);
      std::vector<std::byte> data(size);
      if (size && table_.vkGetPipelineCacheData(handle_, pipeline_cache_, &size, data.data()) == VK_SUCCESS) {
        data.resize(size);
        if (auto written = write_pipeline_cache(options_.pipeline_cache_path, caps(), data); !written)
          log().write(LogLevel::kWarning, "pipeline cache not written: %s", written.error().message.c_str());
      }
    }
    table_.vkDestroyPipelineCache(handle_, pipeline_cache_, nullptr);
  }
  if (timeline_) table_.vkDestroySemaphore(handle_, timeline_, nullptr);
  memory_.reset();
  table_.vkDestroyDevice(handle_, nullptr);
}

void Device::label(VkCommandBuffer commands, const char* name) const {
  if (!insert_label_) return;
  const VkDebugUtilsLabelEXT info{.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT, .pLabelName = name};
  insert_label_(commands, &info);
}

Result<Buffer> Device::create_buffer(uint64_t bytes, MemoryIntent intent) {
  Buffer buffer;
  buffer.device_ = this;
  buffer.size_ = std::max<uint64_t>(bytes, 4);
  const VkBufferCreateInfo info{.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                .size = buffer.size_,
                                .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                                         VK_BUFFER_USAGE_TRANSFER_DST_BIT | VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT};
  VkBuffer handle = VK_NULL_HANDLE;
  VkResult result = table_.vkCreateBuffer(handle_, &info, nullptr, &handle);
  if (result != VK_SUCCESS) return vulkan_error(result, "vkCreateBuffer");
  VkMemoryRequirements requirements;
  table_.vkGetBufferMemoryRequirements(handle_, handle, &requirements);
  Result<Allocation> allocation = memory_->allocate(requirements, intent);
  if (!allocation) {
    table_.vkDestroyBuffer(handle_, handle, nullptr);
    return std::move(allocation).error();
  }
  buffer.handle_ = handle;
  buffer.allocation_ = *allocation;
  result = table_.vkBindBufferMemory(handle_, handle, allocation->memory, allocation->offset);
  if (result != VK_SUCCESS) return vulkan_error(result, "vkBindBufferMemory");
  return buffer;
}

Result<uint64_t> Device::submit(std::span<const VkCommandBuffer> commands) {
  std::lock_guard lock(queue_mutex_);
  if (lost_) return vulkan_error(VK_ERROR_DEVICE_LOST, "vkQueueSubmit");
  const uint64_t value = last_value_.load() + 1;
  const VkTimelineSemaphoreSubmitInfo timeline{.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                               .signalSemaphoreValueCount = 1,
                                               .pSignalSemaphoreValues = &value};
  const VkSubmitInfo info{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                          .pNext = &timeline,
                          .commandBufferCount = static_cast<uint32_t>(commands.size()),
                          .pCommandBuffers = commands.data(),
                          .signalSemaphoreCount = 1,
                          .pSignalSemaphores = &timeline_};
  const VkResult result = table_.vkQueueSubmit(queue_, 1, &info, VK_NULL_HANDLE);
  if (result == VK_ERROR_DEVICE_LOST) lost_ = true;
  if (result != VK_SUCCESS) return vulkan_error(result, "vkQueueSubmit");
  last_value_ = value;
  return value;
}

Result<bool> Device::wait(uint64_t value, uint64_t timeout_ns) {
  if (value <= finished_value_.load()) return true;
  if (lost_) return vulkan_error(VK_ERROR_DEVICE_LOST, "vkWaitSemaphores");
  const VkSemaphoreWaitInfo info{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                 .semaphoreCount = 1,
                                 .pSemaphores = &timeline_,
                                 .pValues = &value};
  const VkResult result = table_.vkWaitSemaphores(handle_, &info, timeout_ns);
  if (result == VK_TIMEOUT) return false;
  if (result == VK_ERROR_DEVICE_LOST) lost_ = true;
  if (result != VK_SUCCESS) return vulkan_error(result, "vkWaitSemaphores");
  uint64_t seen = finished_value_.load();
  while (seen < value && !finished_value_.compare_exchange_weak(seen, value)) {
  }
  return true;
}

}  // namespace pumice::vk
