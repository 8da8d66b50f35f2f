// Device memory: a few large allocations, cut up by a first-fit suballocator. Memory is named by intent, never by type.
#pragma once

#include <volk.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "vk/caps.h"

namespace pumice::vk {

enum class MemoryIntent {
  kDevice,    // read and written by shaders only
  kWeights,   // written once before it is read by shaders: mapped where caps.mapped_device_memory, else by copies
  kUpload,    // written by the host once, read by copies
  kReadback,  // written by the device, read by the host
  kShared,    // small values that the host writes or reads while steps run; device-local where the host can see that
};

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
  MemoryAllocator(VkPhysicalDevice physical, VkDevice device, const VolkDeviceTable& table, const DeviceCaps& caps);
  ~MemoryAllocator();
  MemoryAllocator(const MemoryAllocator&) = delete;
  MemoryAllocator& operator=(const MemoryAllocator&) = delete;

  // Status::kOutOfDeviceMemory leaves everything as it was.
  Result<Allocation> allocate(const VkMemoryRequirements& requirements, MemoryIntent intent);
  void free(const Allocation& allocation);

  uint64_t reserved_bytes() const;  // taken from the driver
  // Bytes above which allocate() refuses; for budgets and for tests. 0: no limit.
  void set_limit(uint64_t bytes);

 private:
  struct Block {
    VkDeviceMemory memory = VK_NULL_HANDLE;
    uint64_t size = 0, used = 0;
    uint32_t type = 0;
    std::byte* mapped = nullptr;
    std::map<uint64_t, uint64_t> holes;  // offset -> size
  };
  Result<uint32_t> memory_type(uint32_t allowed, MemoryIntent intent) const;
  Result<uint32_t> add_block(uint32_t type, uint64_t size);
  static bool place(Block& block, uint64_t size, uint64_t alignment, uint64_t& offset);

  VkDevice device_;
  const VolkDeviceTable& table_;
  const DeviceCaps& caps_;
  VkPhysicalDeviceMemoryProperties properties_{};
  mutable std::mutex mutex_;
  std::vector<Block> blocks_;
  uint64_t reserved_ = 0, limit_ = 0;
};

}  // namespace pumice::vk
