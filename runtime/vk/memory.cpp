#include "vk/memory.h"

#include <algorithm>

#include "vk/instance.h"

namespace pumice::vk {
namespace {

constexpr uint64_t kDeviceBlock = uint64_t{64} << 20;
constexpr uint64_t kHostBlock = uint64_t{4} << 20;
constexpr uint32_t kNoType = ~0u;

constexpr VkMemoryPropertyFlags kLocal = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
constexpr VkMemoryPropertyFlags kMapped = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
constexpr VkMemoryPropertyFlags kCached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;

uint64_t align_up(uint64_t value, uint64_t alignment) { return (value + alignment - 1) / alignment * alignment; }

}  // namespace

bool host_reaches_device_memory(const VkPhysicalDeviceMemoryProperties& memory) {
  uint64_t largest = 0, reached = 0;
  for (uint32_t i = 0; i < memory.memoryHeapCount; ++i)
    if (memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
      largest = std::max(largest, memory.memoryHeaps[i].size);
  for (uint32_t i = 0; i < memory.memoryTypeCount; ++i)
    if ((memory.memoryTypes[i].propertyFlags & (kLocal | kMapped)) == (kLocal | kMapped))
      reached = std::max(reached, memory.memoryHeaps[memory.memoryTypes[i].heapIndex].size);
  return largest > 0 && reached == largest;
}

MemoryAllocator::MemoryAllocator(VkPhysicalDevice physical, VkDevice device, const VolkDeviceTable& table,
                                 const DeviceCaps& caps)
    : device_(device), table_(table), caps_(caps) {
  vkGetPhysicalDeviceMemoryProperties(physical, &properties_);
}

MemoryAllocator::~MemoryAllocator() {
  for (Block& block : blocks_)
    if (block.memory) table_.vkFreeMemory(device_, block.memory, nullptr);
}

Result<uint32_t> MemoryAllocator::memory_type(uint32_t allowed, MemoryIntent intent) const {
  // Each list goes from the wish to what is still acceptable; a device without its own memory has one type for all.
  static constexpr VkMemoryPropertyFlags kWishes[5][3] = {{kLocal, 0, 0},
                                                          {kMapped | kLocal, kLocal, 0},
                                                          {kMapped, kMapped, kMapped},
                                                          {kMapped | kCached, kMapped, kMapped},
                                                          {kMapped | kLocal, kMapped, kMapped}};
  static constexpr VkMemoryPropertyFlags kAvoid[5] = {kMapped, 0, kLocal, 0, 0};
  if (intent == MemoryIntent::kWeights && !caps_.mapped_device_memory) intent = MemoryIntent::kDevice;
  const auto row = static_cast<size_t>(intent);
  for (const VkMemoryPropertyFlags avoid : {kAvoid[row], VkMemoryPropertyFlags{0}}) {
    for (const VkMemoryPropertyFlags wish : kWishes[row]) {
      if (avoid != 0 && wish != kWishes[row][0]) continue;
      for (uint32_t i = 0; i < properties_.memoryTypeCount; ++i) {
        const VkMemoryPropertyFlags flags = properties_.memoryTypes[i].propertyFlags;
        if ((allowed >> i & 1u) && (flags & wish) == wish && (flags & avoid) == 0) return i;
      }
    }
  }
  return error(Status::kUnsupported, "the device offers no memory for this use");
}

bool MemoryAllocator::place(Block& block, uint64_t size, uint64_t alignment, uint64_t& offset) {
  for (auto hole = block.holes.begin(); hole != block.holes.end(); ++hole) {
    const uint64_t start = align_up(hole->first, alignment), end = hole->first + hole->second;
    if (start > end || end - start < size) continue;
    const uint64_t hole_start = hole->first;
    block.holes.erase(hole);
    if (start > hole_start) block.holes[hole_start] = start - hole_start;
    if (end > start + size) block.holes[start + size] = end - start - size;
    offset = start;
    return true;
  }
  return false;
}

Result<uint32_t> MemoryAllocator::add_block(uint32_t type, uint64_t size) {
  if (limit_ != 0 && reserved_ + size > limit_)
    return error(Status::kOutOfDeviceMemory, "the memory limit of %llu MiB is reached",
                 static_cast<unsigned long long>(limit_ >> 20));
  const VkMemoryAllocateInfo info{
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, .allocationSize = size, .memoryTypeIndex = type};
  Block block;
  block.size = size;
  block.type = type;
  VkResult result = table_.vkAllocateMemory(device_, &info, nullptr, &block.memory);
  if (result != VK_SUCCESS) return vulkan_error(result, "vkAllocateMemory");
  if (properties_.memoryTypes[type].propertyFlags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) {
    void* mapped = nullptr;
    result = table_.vkMapMemory(device_, block.memory, 0, VK_WHOLE_SIZE, 0, &mapped);
    if (result != VK_SUCCESS) {
      table_.vkFreeMemory(device_, block.memory, nullptr);
      return vulkan_error(result, "vkMapMemory");
    }
    block.mapped = static_cast<std::byte*>(mapped);
  }
  block.holes[0] = size;
  reserved_ += size;
  const auto free_slot = std::find_if(blocks_.begin(), blocks_.end(), [](const Block& b) { return !b.memory; });
  if (free_slot != blocks_.end()) {
    *free_slot = std::move(block);
    return static_cast<uint32_t>(free_slot - blocks_.begin());
  }
  blocks_.push_back(std::move(block));
  return static_cast<uint32_t>(blocks_.size() - 1);
}

Result<Allocation> MemoryAllocator::allocate(const VkMemoryRequirements& requirements, MemoryIntent intent) {
  std::lock_guard lock(mutex_);
  PUMICE_ASSIGN(const uint32_t type, memory_type(requirements.memoryTypeBits, intent));
  // A device whose memory is all host-visible still shows no mapping where the capability is masked.
  const bool mapped =
      intent != MemoryIntent::kDevice && (intent != MemoryIntent::kWeights || caps_.mapped_device_memory);
  const auto allocation = [&](uint32_t index, uint64_t offset) {
    Block& block = blocks_[index];
    block.used += requirements.size;
    return Allocation{block.memory, offset, requirements.size, mapped && block.mapped ? block.mapped + offset : nullptr,
                      index};
  };
  uint64_t offset = 0;
  for (uint32_t i = 0; i < blocks_.size(); ++i)
    if (blocks_[i].memory && blocks_[i].type == type &&
        place(blocks_[i], requirements.size, requirements.alignment, offset))
      return allocation(i, offset);

  const uint64_t usual = std::min(intent <= MemoryIntent::kWeights ? kDeviceBlock : kHostBlock,
                                  std::max<uint64_t>(caps_.max_allocation, 1));
  Result<uint32_t> added = add_block(type, std::max(usual, requirements.size));
  // Near the limit a block of exactly the wanted size may still fit.
  if (!added && added.error().status == Status::kOutOfDeviceMemory && requirements.size < usual)
    added = add_block(type, requirements.size);
  if (!added) return std::move(added).error();
  PUMICE_CHECK(place(blocks_[*added], requirements.size, requirements.alignment, offset));
  return allocation(*added, offset);
}

void MemoryAllocator::free(const Allocation& allocation) {
  std::lock_guard lock(mutex_);
  Block& block = blocks_[allocation.block];
  block.used -= allocation.size;
  if (block.used == 0) {
    table_.vkFreeMemory(device_, block.memory, nullptr);
    reserved_ -= block.size;
    block = Block{};
    return;
  }
  auto hole = block.holes.emplace(allocation.offset, allocation.size).first;
  const auto next = std::next(hole);
  if (next != block.holes.end() && hole->first + hole->second == next->first) {
    hole->second += next->second;
    block.holes.erase(next);
  }
  if (hole != block.holes.begin()) {
    const auto previous = std::prev(hole);
    if (previous->first + previous->second == hole->first) {
      previous->second += hole->second;
      block.holes.erase(hole);
    }
  }
}

uint64_t MemoryAllocator::reserved_bytes() const {
  std::lock_guard lock(mutex_);
  return reserved_;
}

void MemoryAllocator::set_limit(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  limit_ = bytes;
}

}  // namespace pumice::vk
