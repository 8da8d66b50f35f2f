#include "vk/device.h"

#include <algorithm>
#include <array>
#include <thread>
#include <utility>
#include <vector>

#include "vk/features.h"
#include "vk/pipeline_cache.h"

namespace pumice::vk {
namespace {

constexpr size_t kMostSemaphores = 16;

template <size_t N, typename T>
constexpr std::array<T, N> one_value(T value) {
  std::array<T, N> all{};
  all.fill(value);
  return all;
}

}  // namespace

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(handle_, other.handle_);
  std::swap(size_, other.size_);
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
  const MergedDeviceInfo merged(info, wanted_features(caps()));
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

  for (Semaphores* const semaphores : {&awaited_, &signalled_}) {
    semaphores->handles.reserve(kMostSemaphores);
    semaphores->values.reserve(kMostSemaphores);
  }
  PUMICE_TRY(add(signalled_, timeline_, 0));
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
  const VkBufferCreateInfo info{.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                .size = buffer.size_,
                                .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                                         VK_BUFFER_USAGE_TRANSFER_DST_BIT | VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT};
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
  return buffer;
}

Error Device::failed(VkResult result, const char* call) {
  if (result == VK_ERROR_DEVICE_LOST) lost_ = true;
  return vulkan_error(result, call);
}

Result<uint64_t> Device::submit(std::span<const VkCommandBuffer> commands) {
  std::lock_guard lock(queue_mutex_);
  if (lost_) return vulkan_error(VK_ERROR_DEVICE_LOST, "vkQueueSubmit");
  const uint64_t value = last_value_.load() + 1;
  signalled_.values[0] = value;
  const VkTimelineSemaphoreSubmitInfo timeline{
      .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
      .waitSemaphoreValueCount = static_cast<uint32_t>(awaited_.values.size()),
      .pWaitSemaphoreValues = awaited_.values.data(),
      .signalSemaphoreValueCount = static_cast<uint32_t>(signalled_.values.size()),
      .pSignalSemaphoreValues = signalled_.values.data()};
  constexpr auto kStages = one_value<kMostSemaphores>(VkPipelineStageFlags{VK_PIPELINE_STAGE_ALL_COMMANDS_BIT});
  const VkSubmitInfo info{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                          .pNext = &timeline,
                          .waitSemaphoreCount = static_cast<uint32_t>(awaited_.handles.size()),
                          .pWaitSemaphores = awaited_.handles.data(),
                          .pWaitDstStageMask = kStages.data(),
                          .commandBufferCount = static_cast<uint32_t>(commands.size()),
                          .pCommandBuffers = commands.data(),
                          .signalSemaphoreCount = static_cast<uint32_t>(signalled_.handles.size()),
                          .pSignalSemaphores = signalled_.handles.data()};
  const VkResult result = queue_submit(info);
  if (result != VK_SUCCESS) return failed(result, "vkQueueSubmit");
  awaited_.handles.clear();
  awaited_.values.clear();
  signalled_.handles.resize(1);
  signalled_.values.resize(1);
  last_value_ = value;
  return value;
}

VkResult Device::queue_submit(const VkSubmitInfo& info) {
  const HostQueue calls = options_.host ? options_.host->queue_calls : HostQueue{};
  if (calls.submit) return calls.submit(calls.user, &info);
  if (calls.lock) calls.lock(calls.user);
  const VkResult result = table_.vkQueueSubmit(queue_, 1, &info, VK_NULL_HANDLE);
  if (calls.unlock) calls.unlock(calls.user);
  return result;
}

Result<void> Device::add(Semaphores& to, VkSemaphore semaphore, uint64_t value) {
  if (to.handles.size() == kMostSemaphores)
    return error(Status::kInvalidArgument, "a submission takes %zu semaphores", kMostSemaphores);
  to.handles.push_back(semaphore);
  to.values.push_back(value);
  return {};
}

Result<void> Device::wait_before_next(VkSemaphore semaphore, uint64_t value) {
  const std::lock_guard lock(queue_mutex_);
  return add(awaited_, semaphore, value);
}

Result<void> Device::signal_with_next(VkSemaphore semaphore, uint64_t value) {
  const std::lock_guard lock(queue_mutex_);
  return add(signalled_, semaphore, value);
}

void Device::advance(uint64_t finished) {
  uint64_t seen = finished_value_.load();
  while (seen < finished && !finished_value_.compare_exchange_weak(seen, finished)) {
  }
}

// VK_SUCCESS, VK_TIMEOUT or an error. Where the driver's wait has come to nothing, or fails for want of memory, its
// counter is asked, and believed as far as submissions have gone.
VkResult Device::wait_once(uint64_t value, uint64_t timeout_ns) {
  const VkSemaphoreWaitInfo info{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                 .semaphoreCount = 1,
                                 .pSemaphores = &timeline_,
                                 .pValues = &value};
  const VkResult result = table_.vkWaitSemaphores(handle_, &info, timeout_ns);
  if (result == VK_SUCCESS) advance(value);
  if (result == VK_SUCCESS || result == VK_ERROR_DEVICE_LOST) return result;
  if (result == VK_TIMEOUT && timeout_ns == 0) return result;
  uint64_t counter = 0;
  if (table_.vkGetSemaphoreCounterValue(handle_, timeline_, &counter) != VK_SUCCESS) return result;
  if (counter <= last_value_.load()) advance(counter);
  return value <= finished_value_.load() ? VK_SUCCESS : VK_TIMEOUT;
}

// Counts the time in which those who wait see nothing finish. A gap between two looks counts as a second at most, so
// that a process that was stopped does not find its device hanging.
bool Device::hangs() {
  constexpr std::chrono::seconds kMostGap{1};
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(watch_mutex_);
  const uint64_t finished = finished_value_.load();
  stalled_ = finished == watched_value_
                 ? stalled_ + std::min<std::chrono::steady_clock::duration>(now - watched_, kMostGap)
                 : std::chrono::steady_clock::duration::zero();
  watched_ = now;
  watched_value_ = finished;
  return stalled_ > options_.hang_limit;
}

Result<bool> Device::wait(uint64_t value, uint64_t timeout_ns) {
  using Clock = std::chrono::steady_clock;
  constexpr uint64_t kLook = 500'000'000;  // ns between two looks at whether the device hangs
  if (value <= finished_value_.load()) return true;
  const Clock::time_point start = Clock::now();
  for (uint64_t waited = 0;;) {
    if (lost_) return vulkan_error(VK_ERROR_DEVICE_LOST, "vkWaitSemaphores");
    const VkResult result = wait_once(value, std::min(kLook, timeout_ns - waited));
    if (result == VK_SUCCESS) return true;
    if (result == VK_ERROR_DEVICE_LOST) return failed(result, "vkWaitSemaphores");
    if (hangs()) {
      lost_ = abandoned_ = true;
      return error(Status::kDeviceLost,
                   "the device has finished nothing for %lld s and counts as lost; create it again",
                   static_cast<long long>(options_.hang_limit.count()));
    }
    if (result != VK_TIMEOUT) return failed(result, "vkWaitSemaphores");
    const uint64_t before = waited;
    waited = static_cast<uint64_t>(std::chrono::nanoseconds(Clock::now() - start).count());
    if (waited >= timeout_ns) return false;
    // A driver that does not wait is not asked all the time.
    if (waited - before < kLook / 1000) std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

void Device::settle(uint64_t value) noexcept {
  // The hang limit bounds each wait; what else can go wrong with one passes or does not.
  constexpr int kTries = 100;
  for (int i = 0; i < kTries && !abandoned_; ++i) {
    try {
      if (lost_ || wait(value)) return;
    } catch (...) {  // no memory for the words of an error
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  lost_ = abandoned_ = true;
}

}  // namespace pumice::vk
