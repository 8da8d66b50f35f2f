// Device: a Vulkan device with one compute queue, its memory, its pipeline cache and the timeline that orders
// submissions.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "vk/cost_book.h"
#include "vk/instance.h"
#include "vk/memory.h"
#include "vk/pace.h"

namespace pumice::vk {

struct DeviceOptions {
  DeviceCaps caps;                  // as read, or with capabilities masked
  std::string pipeline_cache_path;  // empty: none
  // How long nothing may finish while something is in flight, until the device counts as lost. Drivers have watchdogs
  // of their own, of seconds; this is for those that have none. 0: 2 minutes, an hour on a CPU.
  std::chrono::seconds hang_limit{0};
  std::optional<HostDevice> host;  // whose device it is; the caps are of what that enabled. Outlives it
};

class Device;

// A storage buffer with its memory. Move-only; the device outlives it, and whoever destroys it has waited for the
// submissions that use it (Device::settle). What a hung device may still use is never freed.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept { *this = std::move(other); }
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer();

  VkBuffer handle() const { return handle_; }
  uint64_t size() const { return size_; }
  uint64_t address() const { return address_; }  // 0 without caps.buffer_address
  explicit operator bool() const { return handle_ != VK_NULL_HANDLE; }
  std::byte* mapped() const { return allocation_.mapped; }
  template <typename T>
  T* mapped_as() const {
    return reinterpret_cast<T*>(allocation_.mapped);
  }

 private:
  friend class Device;
  Device* device_ = nullptr;
  VkBuffer handle_ = VK_NULL_HANDLE;
  uint64_t size_ = 0, address_ = 0;
  Allocation allocation_;
};

// A range of a buffer, in bytes; non-owning. With a stride, only those columns of it are touched: of each `stride`
// bytes from the offset on, those from `first_column` up to `end_column`.
struct BufferView {
  VkBuffer buffer = VK_NULL_HANDLE;
  uint64_t offset = 0, size = 0;
  uint64_t stride = 0, first_column = 0, end_column = 0;
  uint64_t buffer_address = 0;

  BufferView() = default;
  BufferView(const Buffer& whole) : BufferView(whole, 0, whole.size()) {}  // NOLINT: a view of all of it
  BufferView(const Buffer& of, uint64_t from, uint64_t bytes)
      : buffer(of.handle()), offset(from), size(bytes), buffer_address(of.address()) {}
  uint64_t address() const { return buffer_address + offset; }
};

// Thread-safe. Not movable: buffers and streams point at it.
class Device {
 public:
  static Result<std::unique_ptr<Device>> create(const Instance& instance, VkPhysicalDevice physical,
                                                DeviceOptions options);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const DeviceCaps& caps() const { return options_.caps; }
  const Log& log() const { return instance_.log(); }
  VkDevice handle() const { return handle_; }
  const DeviceTable& table() const { return table_; }
  // Of a host's own, for whatever is created and destroyed; null: the driver's.
  const VkAllocationCallbacks* allocator() const { return options_.host ? options_.host->callbacks() : nullptr; }
  uint32_t queue_family() const { return options_.caps.queue_family; }
  VkPipelineCache pipeline_cache() const { return pipeline_cache_; }
  // Names what follows in a command buffer, for debuggers; does nothing without VK_EXT_debug_utils.
  void label(VkCommandBuffer commands, const char* name) const;
  MemoryAllocator& memory() { return *memory_; }
  CostBook& costs() { return costs_; }

  Result<Buffer> create_buffer(uint64_t bytes, MemoryIntent intent);

  // Submits in order after everything submitted before, at once or, while the device is paced, as release() lets it go;
  // the returned value is reached when it has finished.
  Result<uint64_t> submit(std::span<const Chunk> chunks);
  // From now on submissions are held. wait() lets go what it waits for.
  void hold() { paced_ = true; }
  struct Released {
    double microseconds = 0;  // of the device, as far as is known
    double finished = 0;      // what those took that have finished since the call before
    uint32_t chunks = 0, held = 0;
    uint64_t recorded = 0;  // by record(): the value of the timeline with which that has finished; 0: nothing was
    bool too_long = false;  // a chunk takes more than the frame has
  };
  // Submits of what is held, in order, what takes `microseconds` together with what is running: at once where there are
  // timestamps; one chunk at a time on a queue that a host uses too. It neither waits nor allocates.
  Result<Released> release(double microseconds);
  // The same into a host's command buffer, which makes the timeline reach `recorded` when it has finished, or says so
  // (recorded_done()). Until then nothing is submitted, and those who wait, wait for it.
  Result<Released> record(VkCommandBuffer commands, double microseconds);
  Result<void> recorded_done(uint64_t value);
  // From now on what is recorded can be recorded into command buffers of a host's.
  void make_recordable() { records_ = true; }
  bool records() const { return records_.load(); }
  void note_finished() noexcept;                           // times of chunks
  void forget(std::span<const ChunkTime> times) noexcept;  // they go
  // Submits all that is held, and holds nothing any more.
  Result<void> release_all();
  // The next submission waits for a host's timeline semaphore to reach the value, or makes it reach that.
  Result<void> wait_before_next(VkSemaphore semaphore, uint64_t value);
  Result<void> signal_with_next(VkSemaphore semaphore, uint64_t value);
  VkSemaphore timeline() const { return timeline_; }  // reaches the values that submit() returns
  // true: reached; false: not within the time, never without one. A lost device is an error here and from then on, and
  // one that hangs is lost.
  Result<bool> wait(uint64_t value, uint64_t timeout_ns = UINT64_MAX);
  Result<bool> reached(uint64_t value) { return wait(value, 0); }
  uint64_t submissions() const { return last_value_.load(); }
  uint64_t sent() const { return sent_value_.load(); }  // of them, what has left the hold
  bool paced() const { return paced_.load(); }
  // For destructors: returns when nothing up to `value` uses what is to be freed, or when the device hangs: then it
  // is abandoned, and nothing of it is ever freed.
  void settle(uint64_t value) noexcept;
  bool abandoned() const { return abandoned_.load(); }
  bool lost() const { return lost_.load(); }
  Result<void> check() const;  // kDeviceLost once it is lost
  // Bytes that may be reserved now as far as the driver tells of what it lets this process have, less what others in
  // the process have. UINT64_MAX: it does not tell, or the device has the host's memory.
  uint64_t memory_allowance() const;
  // The error of a call on this device; takes note of a loss.
  Error failed(VkResult result, const char* call);

 private:
  Device(const Instance& instance, DeviceOptions options) : instance_(instance), options_(std::move(options)) {}
  Result<void> create_handle(VkPhysicalDevice physical);
  Result<void> create_own(VkPhysicalDevice physical);
  Result<void> prepare_semaphores();
  VkResult queue_submit(const VkSubmitInfo& info);
  Result<void> send(size_t count);
  Result<void> send_up_to(uint64_t value);
  double running();
  bool awaits_host() const { return recorded_value_ > finished_value_; }
  Result<Released> let_go(double microseconds, VkCommandBuffer commands);
  uint64_t hand_over(VkCommandBuffer commands);
  void note_time(const NumberedChunk& chunk);
  Result<void> create_objects(VkPhysicalDevice physical);
  Result<void> store_pipeline_cache();
  VkResult wait_once(uint64_t value, uint64_t timeout_ns);
  void advance(uint64_t finished);
  bool hangs();
  friend class Buffer;

  const Instance& instance_;
  DeviceOptions options_;
  VkPhysicalDevice physical_ = VK_NULL_HANDLE;
  VkDevice handle_ = VK_NULL_HANDLE;
  DeviceTable table_{};
  VkQueue queue_ = VK_NULL_HANDLE;
  VkSemaphore timeline_ = VK_NULL_HANDLE;
  VkPipelineCache pipeline_cache_ = VK_NULL_HANDLE;
  std::unique_ptr<MemoryAllocator> memory_;
  std::mutex queue_mutex_;
  // Of the next submission; of what it signals, the first is the timeline. In queue_mutex_, and with room from the
  // beginning, as submitting allocates nothing.
  struct Semaphores {
    std::vector<VkSemaphore> handles;
    std::vector<uint64_t> values;
  };
  static Result<void> add(Semaphores& to, VkSemaphore semaphore, uint64_t value);
  Semaphores awaited_, signalled_;
  ChunkQueue held_, running_;  // running_: of those, while the device is paced
  Pace pace_;
  CostBook costs_;
  double finished_time_ = 0;  // microseconds of chunks that have finished since the last release()
  std::vector<VkCommandBuffer> batch_;
  std::atomic<uint64_t> last_value_{0}, sent_value_{0}, finished_value_{0};  // given, submitted, finished
  std::atomic<uint64_t> recorded_value_{0};                                  // what a host has been given last
  std::atomic<bool> lost_{false}, abandoned_{false}, paced_{false}, records_{false};

  std::mutex watch_mutex_;  // of what follows
  std::chrono::steady_clock::time_point watched_{};
  std::chrono::steady_clock::duration stalled_{};  // for how long nothing has finished, as those who wait have seen
  uint64_t watched_value_ = 0;
};

}  // namespace pumice::vk
