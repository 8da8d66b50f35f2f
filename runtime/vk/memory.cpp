#include "vk/memory.h"

#include <algorithm>
#include <bit>

namespace pumice::vk {
namespace {

constexpr uint64_t kDeviceBlock = uint64_t{64} << 20;
constexpr uint64_t kHostBlock = uint64_t{4} << 20;
constexpr uint64_t kMostBytes = uint64_t{1} << 46;  // more than any device has

// Of VK_EXT_memory_priority: what a step writes stays before weights do.
constexpr float kStepPriority = 1, kWeightPriority = 0.75f;

constexpr VkMemoryPropertyFlags kLocal = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
constexpr VkMemoryPropertyFlags kMapped = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
constexpr VkMemoryPropertyFlags kCached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;

uint64_t align_up(uint64_t value, uint64_t alignment) { return (value + alignment - 1) / alignment * alignment; }

}  // namespace

VkPhysicalDeviceMemoryProperties believable(VkPhysicalDeviceMemoryProperties memory) {
  memory.memoryHeapCount = std::min<uint32_t>(memory.memoryHeapCount, VK_MAX_MEMORY_HEAPS);
  memory.memoryTypeCount = std::min<uint32_t>(memory.memoryTypeCount, VK_MAX_MEMORY_TYPES);
  // Types keep their numbers; one of a heap that there is not has no properties, and none asks for it.
  for (uint32_t i = 0; i < memory.memoryTypeCount; ++i)
    if (memory.memoryTypes[i].heapIndex >= memory.memoryHeapCount) memory.memoryTypes[i] = {0, VK_MAX_MEMORY_HEAPS};
  return memory;
}

uint32_t largest_device_heap(const VkPhysicalDeviceMemoryProperties& memory) {
  uint32_t largest = VK_MAX_MEMORY_HEAPS;
  for (uint32_t i = 0; i < memory.memoryHeapCount; ++i)
    if ((memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) && memory.memoryHeaps[i].size > 0 &&
        (largest == VK_MAX_MEMORY_HEAPS || memory.memoryHeaps[i].size > memory.memoryHeaps[largest].size))
      largest = i;
  return largest;
}

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

MemoryAllocator::MemoryAllocator(const VkPhysicalDeviceMemoryProperties& memory, VkDevice device,
                                 const DeviceTable& table, const DeviceCaps& caps, const HostDevice* host)
    : device_(device), table_(table), caps_(caps), host_(host), properties_(believable(memory)) {}

MemoryAllocator::~MemoryAllocator() {
  for (Block& block : blocks_)
    if (block.memory) give_back(block.memory);
}

Result<uint32_t> MemoryAllocator::memory_type(uint32_t allowed, MemoryIntent intent) const {
  // Each list goes from the wish to what is still acceptable; a device without its own memory has one type for all.
  static constexpr VkMemoryPropertyFlags kWishes[7][3] = {{kLocal, 0, 0},
                                                          {kMapped | kLocal, kLocal, 0},
                                                          {kMapped, kMapped, kMapped},
                                                          {kMapped | kCached, kMapped, kMapped},
                                                          {kMapped | kLocal, kMapped, kMapped},
                                                          {kMapped, kMapped, kMapped},
                                                          {kLocal, 0, 0}};
  static constexpr VkMemoryPropertyFlags kAvoid[7] = {kMapped, 0, kLocal, 0, 0, kLocal, kMapped};
  if (intent == MemoryIntent::kWeights && !caps_.mapped_device_memory) intent = MemoryIntent::kDevice;
  const auto row = static_cast<size_t>(intent);
  for (const VkMemoryPropertyFlags avoid : {kAvoid[row], VkMemoryPropertyFlags{0}}) {
    for (const VkMemoryPropertyFlags wish : kWishes[row]) {
      if (avoid != 0 && wish != kWishes[row][0]) continue;
      for (uint32_t i = 0; i < properties_.memoryTypeCount; ++i) {
        const VkMemoryPropertyFlags flags = properties_.memoryTypes[i].propertyFlags;
        if (properties_.memoryTypes[i].heapIndex < properties_.memoryHeapCount && (allowed >> i & 1u) &&
            (flags & wish) == wish && (flags & avoid) == 0)
          return i;
      }
    }
  }
  return error(Status::kUnsupported, "the device offers no memory for this use");
}

// Where `size` bytes now lie in the block; nothing when no hole is large enough.
std::optional<uint64_t> MemoryAllocator::place(Block& block, uint64_t size, uint64_t alignment) {
  block.holes.reserve(block.allocations + 2);
  for (auto hole = block.holes.begin(); hole != block.holes.end(); ++hole) {
    const uint64_t start = align_up(hole->offset, alignment), end = hole->end();
    if (start > end || end - start < size) continue;
    const Hole before{hole->offset, start - hole->offset}, after{start + size, end - start - size};
    if (before.size > 0 && after.size > 0) {
      *hole = before;
      block.holes.insert(hole + 1, after);
    } else if (before.size > 0 || after.size > 0) {
      *hole = before.size > 0 ? before : after;
    } else {
      block.holes.erase(hole);
    }
    ++block.allocations;
    return start;
  }
  return std::nullopt;
}

VkResult MemoryAllocator::take(uint32_t type, uint64_t size, MemoryIntent intent, VkDeviceMemory& memory) {
  const VkMemoryAllocateFlagsInfo addresses{.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
                                            .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT};
  const VkMemoryAllocateInfo info{.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                  .pNext = caps_.buffer_address ? &addresses : nullptr,
                                  .allocationSize = size,
                                  .memoryTypeIndex = type};
  if (!host_ || !host_->memory_calls.allocate)
    return table_.vkAllocateMemory(device_, &info, host_ ? host_->callbacks() : nullptr, &memory);
  const HostMemory& calls = host_->memory_calls;
  const bool small = intent == MemoryIntent::kShared;
  return calls.allocate(calls.user, &info, properties_.memoryTypes[type].heapIndex, static_cast<int32_t>(intent),
                        small ? kStepPriority : kWeightPriority, &memory);
}

void MemoryAllocator::give_back(VkDeviceMemory memory) noexcept {
  if (host_ && host_->memory_calls.release)
    host_->memory_calls.release(host_->memory_calls.user, memory);
  else
    table_.vkFreeMemory(device_, memory, host_ ? host_->callbacks() : nullptr);
}

Result<uint32_t> MemoryAllocator::add_block(uint32_t type, uint64_t size, MemoryIntent intent) {
  const bool host = intent == MemoryIntent::kHostWeights, pages = intent == MemoryIntent::kPages;
  if (!host && limit_ != 0 && (reserved_ >= limit_ || size > limit_ - reserved_))
    return error(Status::kOutOfDeviceMemory, "the memory limit of %llu MiB is reached",
                 static_cast<unsigned long long>(limit_ >> 20));
  Block block{.size = size, .type = type, .host = host, .pages = pages};
  block.holes.push_back({0, size});
  // Whatever needs host memory comes before the driver's.
  auto place = std::find_if(blocks_.begin(), blocks_.end(), [](const Block& b) { return !b.memory; });
  if (place == blocks_.end()) place = blocks_.emplace(place);
  VkResult result = take(type, size, intent, block.memory);
  if (result != VK_SUCCESS) return vulkan_error(result, "vkAllocateMemory");
  if (properties_.memoryTypes[type].propertyFlags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) {
    void* mapped = nullptr;
    result = table_.vkMapMemory(device_, block.memory, 0, VK_WHOLE_SIZE, 0, &mapped);
    if (result != VK_SUCCESS || !mapped) {
      give_back(block.memory);
      return vulkan_error(mapped ? result : VK_ERROR_MEMORY_MAP_FAILED, "vkMapMemory");
    }
    block.mapped = static_cast<std::byte*>(mapped);
  }
  if (!host) reserved_ += size;
  *place = std::move(block);
  return static_cast<uint32_t>(place - blocks_.begin());
}

Allocation MemoryAllocator::allocation(uint32_t index, uint64_t offset, uint64_t size, MemoryIntent intent) const {
  // A device whose memory is all host-visible still shows no mapping where the capability is masked.
  const bool mapped = intent != MemoryIntent::kDevice && intent != MemoryIntent::kPages &&
                      (intent != MemoryIntent::kWeights || caps_.mapped_device_memory);
  const Block& block = blocks_[index];
  return {block.memory, offset, size, mapped && block.mapped ? block.mapped + offset : nullptr, index};
}

Result<Allocation> MemoryAllocator::allocate(const VkMemoryRequirements& requirements, MemoryIntent intent) {
  const uint64_t size = requirements.size, alignment = requirements.alignment;
  if (size == 0 || size > kMostBytes || !std::has_single_bit(alignment) || alignment > kMostBytes)
    return error(Status::kUnsupported, "the driver wants %llu bytes at multiples of %llu for a buffer",
                 static_cast<unsigned long long>(size), static_cast<unsigned long long>(alignment));
  std::lock_guard lock(mutex_);
  PUMICE_ASSIGN(const uint32_t type, memory_type(requirements.memoryTypeBits, intent));
  const bool host = intent == MemoryIntent::kHostWeights, pages = intent == MemoryIntent::kPages;
  for (uint32_t i = 0; i < blocks_.size(); ++i) {
    const Block& block = blocks_[i];
    if (!block.memory || block.type != type || block.host != host || block.pages != pages) continue;
    if (const auto offset = place(blocks_[i], size, alignment)) return allocation(i, *offset, size, intent);
  }

  const uint64_t usual = std::min(intent <= MemoryIntent::kWeights || host ? kDeviceBlock : kHostBlock,
                                  std::max<uint64_t>(caps_.max_allocation, 1));
  Result<uint32_t> added = add_block(type, std::max(usual, size), intent);
  // Near the limit a block of exactly the wanted size may still fit.
  if (!added && added.error().status == Status::kOutOfDeviceMemory && size < usual)
    added = add_block(type, size, intent);
  if (!added) return std::move(added).error();
  const auto offset = place(blocks_[*added], size, alignment);
  PUMICE_CHECK(offset);  // a new block begins at 0, a multiple of everything
  return allocation(*added, *offset, size, intent);
}

void MemoryAllocator::free(const Allocation& allocation) noexcept {
  if (!allocation.memory) return;
  std::lock_guard lock(mutex_);
  Block& block = blocks_[allocation.block];
  if (--block.allocations == 0) {
    give_back(block.memory);
    if (!block.host) reserved_ -= block.size;
    block = Block{};
    return;
  }
  const Hole hole{allocation.offset, allocation.size};
  auto next =
      std::find_if(block.holes.begin(), block.holes.end(), [&](const Hole& h) { return h.offset > hole.offset; });
  const bool touches_next = next != block.holes.end() && hole.end() == next->offset;
  const bool touches_previous = next != block.holes.begin() && std::prev(next)->end() == hole.offset;
  if (touches_previous && touches_next) {
    std::prev(next)->size += hole.size + next->size;
    block.holes.erase(next);
  } else if (touches_previous) {
    std::prev(next)->size += hole.size;
  } else if (touches_next) {
    *next = {hole.offset, hole.size + next->size};
  } else {
    block.holes.insert(next, hole);
  }
}

uint64_t MemoryAllocator::reserved_bytes() const {
  std::lock_guard lock(mutex_);
  return reserved_;
}

uint64_t MemoryAllocator::room(uint64_t budget) const {
  std::lock_guard lock(mutex_);
  if (budget == 0) budget = UINT64_MAX;
  if (limit_ != 0) budget = std::min(budget, limit_);
  return budget - std::min(budget, reserved_);
}

void MemoryAllocator::set_limit(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  limit_ = bytes;
}

uint64_t MemoryAllocator::limit() const {
  std::lock_guard lock(mutex_);
  return limit_;
}

}  // namespace pumice::vk
