// The suballocator: alignment, no overlap, holes that grow together again, and a limit that harms nothing.
#include "vk/memory.h"

#include <algorithm>
#include <cstring>
#include <list>
#include <memory>
#include <utility>
#include <vector>

#include "support/allocation_count.h"
#include "support/device_fixture.h"

namespace pumice::vk::memory_test {

class MemoryTest : public test::DeviceTest {
 protected:
  void SetUp() override {
    test::DeviceTest::SetUp();
    if (IsSkipped()) return;
    auto& vulkan = test::TestVulkan::get();
    auto own = Device::create(vulkan.instance(), vulkan.physical().handle, {.caps = vulkan.physical().caps});
    ASSERT_TRUE(own.ok()) << own.error().message;
    own_ = std::move(*own);
  }
  void TearDown() override {
    own_.reset();
    test::DeviceTest::TearDown();
  }
  MemoryAllocator& memory() { return own_->memory(); }
  static VkMemoryRequirements need(uint64_t size, uint64_t alignment = 64) { return {size, alignment, ~0u}; }
  Allocation take(uint64_t size, uint64_t alignment = 64, MemoryIntent intent = MemoryIntent::kDevice) {
    auto made = memory().allocate(need(size, alignment), intent);
    EXPECT_TRUE(made.ok()) << (made ? "" : made.error().message);
    return made ? *made : Allocation{};
  }
  std::unique_ptr<Device> own_;
};

TEST_F(MemoryTest, SharesBlocksAndReturnsThem) {
  EXPECT_EQ(memory().reserved_bytes(), 0u);
  const Allocation a = take(1000), b = take(1000), c = take(1000);
  EXPECT_EQ(a.memory, b.memory);
  EXPECT_GE(b.offset, a.offset + a.size);
  const uint64_t reserved = memory().reserved_bytes();
  memory().free(b);
  const Allocation again = take(900);
  EXPECT_EQ(again.offset, b.offset) << "the hole is used again";
  memory().free(a);
  memory().free(again);
  const Allocation both = take(a.size + b.size);
  EXPECT_EQ(both.offset, a.offset) << "two holes and the gap between them became one";
  EXPECT_EQ(memory().reserved_bytes(), reserved);
  memory().free(both);
  memory().free(c);
  EXPECT_EQ(memory().reserved_bytes(), 0u);
}

TEST_F(MemoryTest, FreeingNeedsNoMemory) {
  std::vector<Allocation> live;
  for (int i = 0; i < 100; ++i) live.push_back(take(1000));
  const test::AllocationCount count;
  for (const size_t step : {3u, 2u, 1u})  // holes first, then what lies between them
    for (size_t i = 0; i < live.size(); i += step) memory().free(std::exchange(live[i], {}));
  EXPECT_EQ(count.allocations(), 0u);
  EXPECT_EQ(memory().reserved_bytes(), 0u);
}

TEST(BelievableMemory, KeepsToVulkansCountsAndToHeapsThatThereAre) {
  VkPhysicalDeviceMemoryProperties lie{};
  lie.memoryHeapCount = lie.memoryTypeCount = ~0u;
  lie.memoryTypes[3] = {VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 77};
  VkPhysicalDeviceMemoryProperties kept = believable(lie);
  EXPECT_EQ(kept.memoryHeapCount, VK_MAX_MEMORY_HEAPS);
  EXPECT_EQ(kept.memoryTypeCount, VK_MAX_MEMORY_TYPES);
  EXPECT_EQ(kept.memoryTypes[3].propertyFlags, 0u);
  EXPECT_FALSE(host_reaches_device_memory(kept));
  lie.memoryHeapCount = 0;
  lie.memoryTypes[0] = {VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0};
  EXPECT_EQ(believable(lie).memoryTypes[0].propertyFlags, 0u);
}

TEST_F(MemoryTest, NeverOverlaps) {
  test::Generator random(1);
  std::list<Allocation> live;
  for (int round = 0; round < 3000; ++round) {
    if (random.below(3) != 0 || live.empty()) {
      const uint64_t alignment = uint64_t{1} << random.below(13);
      const Allocation made = take(1 + random.below(100000), alignment, static_cast<MemoryIntent>(random.below(5)));
      ASSERT_EQ(made.offset % alignment, 0u);
      for (const Allocation& other : live)
        ASSERT_TRUE(other.memory != made.memory || other.offset + other.size <= made.offset ||
                    made.offset + made.size <= other.offset);
      live.push_back(made);
    } else {
      const auto chosen = std::next(live.begin(), random.below(static_cast<uint32_t>(live.size())));
      memory().free(*chosen);
      live.erase(chosen);
    }
  }
  for (const Allocation& allocation : live) memory().free(allocation);
  EXPECT_EQ(memory().reserved_bytes(), 0u);
}

TEST_F(MemoryTest, HostVisibleIntentsAreMapped) {
  for (const MemoryIntent intent : {MemoryIntent::kUpload, MemoryIntent::kReadback, MemoryIntent::kShared}) {
    auto buffer = own_->create_buffer(100, intent);
    ASSERT_TRUE(buffer.ok());
    ASSERT_NE(buffer->mapped(), nullptr);
    std::memset(buffer->mapped(), 1, 100);
  }
}

TEST_F(MemoryTest, WeightsAreMappedWhereTheCapabilitySaysSo) {
  auto& vulkan = test::TestVulkan::get();
  for (const bool mapped : {false, true}) {
    if (mapped && !vulkan.physical().caps.mapped_device_memory) continue;
    DeviceCaps caps = vulkan.physical().caps;
    caps.mapped_device_memory = mapped;
    auto made = Device::create(vulkan.instance(), vulkan.physical().handle, {.caps = caps});
    ASSERT_TRUE(made.ok()) << made.error().message;
    auto weights = (*made)->create_buffer(100, MemoryIntent::kWeights);
    auto other = (*made)->create_buffer(100, MemoryIntent::kDevice);
    ASSERT_TRUE(weights.ok() && other.ok());
    EXPECT_EQ(weights->mapped() != nullptr, mapped);
    EXPECT_EQ(other->mapped(), nullptr);
  }
}

// Heaps and types as drivers report them.
TEST(HostReachesDeviceMemory, WhereOneMappedTypeCoversTheLargestHeap) {
  constexpr uint64_t kGiB = uint64_t{1} << 30;
  constexpr VkMemoryPropertyFlags kLocal = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
                                  kHost = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  struct Case {
    const char* name;
    std::vector<VkMemoryHeap> heaps;
    std::vector<VkMemoryType> types;
    bool reaches;
  };
  const Case cases[] = {
      {"software", {{2 * kGiB, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}}, {{kLocal | kHost, 0}}, true},
      {"discrete with a window",
       {{8 * kGiB, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}, {16 * kGiB, 0}, {kGiB / 4, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}},
       {{kLocal, 0}, {kHost, 1}, {kLocal | kHost, 2}},
       false},
      {"discrete with all of it behind a resizable BAR",
       {{8 * kGiB, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}, {16 * kGiB, 0}},
       {{kLocal, 0}, {kHost, 1}, {kLocal | kHost, 0}},
       true},
      {"visible but not coherent",
       {{8 * kGiB, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}},
       {{kLocal, 0}, {kLocal | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT, 0}},
       false},
      {"a heap that is the host's", {{8 * kGiB, 0}}, {{kHost, 0}}, false},
      {"nothing", {}, {}, false},
  };
  for (const Case& one : cases) {
    VkPhysicalDeviceMemoryProperties memory{};
    memory.memoryHeapCount = static_cast<uint32_t>(one.heaps.size());
    memory.memoryTypeCount = static_cast<uint32_t>(one.types.size());
    std::copy(one.heaps.begin(), one.heaps.end(), memory.memoryHeaps);
    std::copy(one.types.begin(), one.types.end(), memory.memoryTypes);
    EXPECT_EQ(host_reaches_device_memory(memory), one.reaches) << one.name;
  }
}

TEST_F(MemoryTest, LimitLeavesEverythingAsItWas) {
  auto kept = own_->create_buffer(4096, MemoryIntent::kShared);
  ASSERT_TRUE(kept.ok());
  std::memset(kept->mapped(), 0x5a, 4096);
  const uint64_t reserved = memory().reserved_bytes();
  memory().set_limit(reserved + 100000);
  const auto refused = own_->create_buffer(uint64_t{32} << 20, MemoryIntent::kDevice);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().status, Status::kOutOfDeviceMemory);
  EXPECT_EQ(memory().reserved_bytes(), reserved);
  EXPECT_TRUE(own_->create_buffer(4096, MemoryIntent::kShared).ok()) << "room in a block that exists";
  EXPECT_EQ(std::count(kept->mapped(), kept->mapped() + 4096, std::byte{0x5a}), 4096);
  memory().set_limit(0);
  EXPECT_TRUE(own_->create_buffer(uint64_t{32} << 20, MemoryIntent::kDevice).ok());
}

TEST_F(MemoryTest, NearTheLimitBlocksAreSmall) {
  memory().set_limit(uint64_t{1} << 20);
  auto fits = own_->create_buffer(500000, MemoryIntent::kDevice);
  ASSERT_TRUE(fits.ok()) << fits.error().message;
  EXPECT_LE(memory().reserved_bytes(), uint64_t{1} << 20);
  EXPECT_FALSE(own_->create_buffer(800000, MemoryIntent::kUpload).ok());
}

TEST_F(MemoryTest, BuffersMove) {
  auto a = own_->create_buffer(64, MemoryIntent::kShared), b = own_->create_buffer(128, MemoryIntent::kShared);
  ASSERT_TRUE(a.ok() && b.ok());
  Buffer moved = std::move(*a);
  EXPECT_EQ(moved.size(), 64u);
  moved = std::move(*b);
  EXPECT_EQ(moved.size(), 128u);
  Buffer empty;
  EXPECT_FALSE(empty);
  moved = std::move(empty);
}

}  // namespace pumice::vk::memory_test
