// Device memory: a few large allocations, cut up by a first-fit suballocator. Memory is named by intent, never by type.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "base/result.h"
#include "vk/caps.h"
#include "vk/functions.h"
#include "vk/host_device.h"

namespace pumice::vk {

enum class MemoryIntent {
  kDevice,       // read and written by shaders only
  kWeights,      // written once before it is read by shaders: mapped where caps.mapped_device_memory, else by copies
  kUpload,       // written by the host once, read by copies
  kReadback,     // written by the device, read by the host
  kShared,       // small values that the host writes or reads while steps run; device-local where the host can see that
  kHostWeights,  // weights that stay in the host's memory, where shaders read them over the bus
  kPages,        // as kDevice, of pools that shrink and grow: in blocks of their own, so that these go with them
};

// Without counts beyond Vulkan's own and without types of a heap that there is not.
VkPhysicalDeviceMemoryProperties believable(VkPhysicalDeviceMemoryProperties memory);

// The largest heap of the device's own memory; VK_MAX_MEMORY_HEAPS: there is none.
uint32_t largest_device_heap(const VkPhysicalDeviceMemoryProperties& memory);

// True where the host can write all of the device's own memory through a mapping, so that uploads need no staging: CPU
// and integrated devices, and discrete ones whose whole memory is behind a resizable BAR. The usual window of 256 MiB
// does not count: it is too small for weights and better left to small values.
bool host_reaches_device_memory(const VkPhysicalDeviceMemoryProperties& memory);

struct Allocation {
  VkDeviceMemory memory = VK_NULL_HANDLE;
  uint64_t offset = 0, size = 0;
  std::byte* mapped = nullptr;  // where the intent lets the host at it; coherent
  uint32_t block = 0;
};

// Thread-safe. Every allocation is freed before it is destroyed.
class MemoryAllocator {
 public:
  MemoryAllocator(const VkPhysicalDeviceMemoryProperties& memory, VkDevice device, const DeviceTable& table,
                  const DeviceCaps& caps, const HostDevice* host = nullptr);
  ~MemoryAllocator();
  MemoryAllocator(const MemoryAllocator&) = delete;
  MemoryAllocator& operator=(const MemoryAllocator&) = delete;

  // Status::kOutOfDeviceMemory leaves everything as it was.
  Result<Allocation> allocate(const VkMemoryRequirements& requirements, MemoryIntent intent);
  void free(const Allocation& allocation) noexcept;
  // The device hangs: nothing is given back to the driver any more.
  void abandon() noexcept { blocks_.clear(); }

  uint64_t reserved_bytes() const;  // taken from the driver, without weights that stay in the host's memory
  // Bytes above which allocate() refuses, but for such weights; for budgets and for tests. 0: no limit.
  void set_limit(uint64_t bytes);
  uint64_t limit() const;
  // What is left of `budget` bytes (0: unknown) and of the limit.
  uint64_t room(uint64_t budget) const;

 private:
  struct Hole {
    uint64_t offset = 0, size = 0;
    uint64_t end() const { return offset + size; }
  };
  struct Block {
    VkDeviceMemory memory = VK_NULL_HANDLE;
    uint64_t size = 0;
    uint32_t type = 0;
    bool host = false;   // of kHostWeights: neither counted nor limited
    bool pages = false;  // of kPages
    std::byte* mapped = nullptr;
    size_t allocations = 0;
    std::vector<Hole> holes;  // in order; has room for one more than there are allocations, so that free() needs none
  };
  Result<uint32_t> memory_type(uint32_t allowed, MemoryIntent intent) const;
  Result<uint32_t> add_block(uint32_t type, uint64_t size, MemoryIntent intent);
  VkResult take(uint32_t type, uint64_t size, MemoryIntent intent, VkDeviceMemory& memory);
  void give_back(VkDeviceMemory memory) noexcept;
  static std::optional<uint64_t> place(Block& block, uint64_t size, uint64_t alignment);
  Allocation allocation(uint32_t index, uint64_t offset, uint64_t size, MemoryIntent intent) const;

  VkDevice device_;
  const DeviceTable& table_;
  const DeviceCaps& caps_;
  const HostDevice* host_;  // whose callbacks are used; null: none
  const VkPhysicalDeviceMemoryProperties properties_;
  mutable std::mutex mutex_;
  std::vector<Block> blocks_;
  uint64_t reserved_ = 0, limit_ = 0;
};

}  // namespace pumice::vk
