// Device: what becomes of a loss, a hang, a wait that fails, and of a driver that lies.
#include "vk/device.h"

#include <algorithm>
#include <atomic>
#include <filesystem>

#include "support/temporary_folder.h"
#include "support/vulkan_double.h"

namespace pumice::vk::device_test {

// What the replaced functions do and have seen.
std::atomic<int> failing_waits, destroyed;
std::atomic<uint64_t> counter;
std::atomic<VkResult> wait_result, submit_result;
VkMemoryRequirements requirements;

VKAPI_ATTR VkResult VKAPI_CALL wait_badly(VkDevice device, const VkSemaphoreWaitInfo* info, uint64_t timeout) {
  if (failing_waits > 0) {
    --failing_waits;
    return wait_result;
  }
  return test::VulkanDouble::original<PFN_vkWaitSemaphores>("vkWaitSemaphores")(device, info, timeout);
}

VKAPI_ATTR VkResult VKAPI_CALL count_as_told(VkDevice, VkSemaphore, uint64_t* value) {
  *value = counter;
  return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL count_badly(VkDevice, VkSemaphore, uint64_t*) { return VK_ERROR_OUT_OF_HOST_MEMORY; }

VKAPI_ATTR VkResult VKAPI_CALL submit_badly(VkQueue queue, uint32_t count, const VkSubmitInfo* info, VkFence fence) {
  if (submit_result != VK_SUCCESS) return submit_result;
  return test::VulkanDouble::original<PFN_vkQueueSubmit>("vkQueueSubmit")(queue, count, info, fence);
}

VKAPI_ATTR void VKAPI_CALL require(VkDevice device, VkBuffer buffer, VkMemoryRequirements* out) {
  test::VulkanDouble::original<PFN_vkGetBufferMemoryRequirements>("vkGetBufferMemoryRequirements")(device, buffer, out);
  if (requirements.size != 0) out->size = requirements.size;
  if (requirements.alignment != 1) out->alignment = requirements.alignment;
  if (requirements.memoryTypeBits != ~0u) out->memoryTypeBits = requirements.memoryTypeBits;
}

// Of the process: what it may have, and has.
uint64_t told_budget, told_usage;

VKAPI_ATTR void VKAPI_CALL tell_budget(VkPhysicalDevice device, VkPhysicalDeviceMemoryProperties2* out) {
  constexpr const char* kName = "vkGetPhysicalDeviceMemoryProperties2";
  test::VulkanDouble::original<PFN_vkGetPhysicalDeviceMemoryProperties2>(kName)(device, out);
  for (auto* next = static_cast<VkBaseOutStructure*>(out->pNext); next; next = next->pNext) {
    if (next->sType != VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT) continue;
    auto& budget = *reinterpret_cast<VkPhysicalDeviceMemoryBudgetPropertiesEXT*>(next);
    std::fill_n(budget.heapBudget, VK_MAX_MEMORY_HEAPS, told_budget);
    std::fill_n(budget.heapUsage, VK_MAX_MEMORY_HEAPS, told_usage);
  }
}

VKAPI_ATTR VkResult VKAPI_CALL huge_cache(VkDevice, VkPipelineCache, size_t* size, void*) {
  *size = SIZE_MAX;
  return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL count_buffer(VkDevice, VkBuffer, const VkAllocationCallbacks*) { ++destroyed; }
VKAPI_ATTR void VKAPI_CALL count_memory(VkDevice, VkDeviceMemory, const VkAllocationCallbacks*) { ++destroyed; }
VKAPI_ATTR void VKAPI_CALL count_pool(VkDevice, VkCommandPool, const VkAllocationCallbacks*) { ++destroyed; }
VKAPI_ATTR void VKAPI_CALL count_device(VkDevice, const VkAllocationCallbacks*) { ++destroyed; }
VKAPI_ATTR void VKAPI_CALL count_instance(VkInstance, const VkAllocationCallbacks*) { ++destroyed; }

class DeviceFaultTest : public test::VulkanDoubleTest {
 protected:
  void SetUp() override {
    test::VulkanDoubleTest::SetUp();
    failing_waits = destroyed = 0;
    counter = 0;
    wait_result = submit_result = VK_SUCCESS;
    requirements = {0, 1, ~0u};
    vulkan_.replace("vkWaitSemaphores", wait_badly);
    vulkan_.replace("vkQueueSubmit", submit_badly);
  }
  // With a submission that will finish, whatever the device says of it.
  void begin(DeviceOptions options = {}) {
    start(std::move(options));
    ASSERT_TRUE(device_);
    auto buffer = device_->create_buffer(4096, MemoryIntent::kShared);
    auto stream = CommandStream::create(*device_);
    ASSERT_TRUE(buffer.ok() && stream.ok());
    buffer_ = std::move(*buffer);
    stream_ = std::move(*stream);
    value_ = submit_fill(stream_, buffer_);
  }
  void TearDown() override {
    if (device_) device_->settle(value_);
    buffer_ = {};
    stream_ = {};
    device_.reset();
    instance_.reset();
  }
  Buffer buffer_;
  CommandStream stream_;
  uint64_t value_ = 0;
};

TEST_F(DeviceFaultTest, ALossStays) {
  if (IsSkipped()) return;
  begin();
  ASSERT_TRUE(device_->wait(value_).ok());
  submit_result = VK_ERROR_DEVICE_LOST;
  EXPECT_EQ(stream_.submit().error().status, Status::kDeviceLost);
  submit_result = VK_SUCCESS;
  EXPECT_EQ(stream_.submit().error().status, Status::kDeviceLost);
  const auto waited = device_->wait(value_ + 1);
  ASSERT_FALSE(waited.ok()) << "waited for what will never be";
  EXPECT_EQ(waited.error().status, Status::kDeviceLost);
  EXPECT_FALSE(device_->abandoned()) << "a lost device uses nothing any more";
}

TEST_F(DeviceFaultTest, OthersLeaveAPartOfTheMemory) {
  if (IsSkipped()) return;
  vulkan_.replace("vkGetPhysicalDeviceMemoryProperties2", tell_budget);
  told_budget = told_usage = 0;
  begin();
  DeviceOptions options{.caps = device_->caps()};
  options.caps.type = DeviceType::kDiscrete;
  options.caps.memory_budget = true;
  const PhysicalDevice physical = (*instance_->devices())[device_->caps().index];
  const auto made = Device::create(*instance_, physical.handle, std::move(options));
  ASSERT_TRUE(made.ok()) << made.error().message;
  Device& device = **made;
  EXPECT_EQ(device.memory_allowance(), UINT64_MAX) << "nothing is told";
  const auto buffer = device.create_buffer(4096, MemoryIntent::kDevice);
  const uint64_t own = device.memory().reserved_bytes();
  ASSERT_GT(own, 0u);
  told_budget = uint64_t{1} << 30;
  told_usage = own;
  EXPECT_EQ(device.memory_allowance(), told_budget);
  told_usage = own + (uint64_t{600} << 20);
  EXPECT_EQ(device.memory_allowance(), uint64_t{424} << 20);
  told_usage = uint64_t{4} << 30;
  EXPECT_EQ(device.memory_allowance(), 0u);
}

TEST_F(DeviceFaultTest, AHangIsALossAndNothingIsFreedUnderIt) {
  if (IsSkipped()) return;
  vulkan_.replace("vkGetSemaphoreCounterValue", count_as_told);
  vulkan_.replace("vkDestroyBuffer", count_buffer);
  vulkan_.replace("vkFreeMemory", count_memory);
  vulkan_.replace("vkDestroyCommandPool", count_pool);
  vulkan_.replace("vkDestroyDevice", count_device);
  vulkan_.replace("vkDestroyInstance", count_instance);
  begin({.hang_limit = std::chrono::seconds(1)});
  ASSERT_TRUE(device_->wait(value_).ok());
  const uint64_t next = submit_fill(stream_, buffer_);
  counter = value_;
  wait_result = VK_TIMEOUT;
  failing_waits = 1 << 30;
  const auto first = device_->wait(next, 1000);
  ASSERT_TRUE(first.ok()) << "a short wait is not a hang: " << first.error().message;
  EXPECT_FALSE(*first);
  const auto waited = device_->wait(next);
  ASSERT_FALSE(waited.ok());
  EXPECT_EQ(waited.error().status, Status::kDeviceLost) << waited.error().message;
  EXPECT_TRUE(device_->abandoned());
  EXPECT_EQ(stream_.submit().error().status, Status::kDeviceLost);

  TearDown();
  EXPECT_EQ(destroyed, 0);
}

TEST_F(DeviceFaultTest, AWaitThatFailsIsToldOnce) {
  if (IsSkipped()) return;
  vulkan_.replace("vkGetSemaphoreCounterValue", count_badly);
  begin();
  wait_result = VK_ERROR_OUT_OF_HOST_MEMORY;
  failing_waits = 1;
  EXPECT_EQ(device_->wait(value_).error().status, Status::kOutOfHostMemory);
  const auto again = device_->wait(value_);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_TRUE(*again);
}

TEST_F(DeviceFaultTest, SettlingOutlastsWaitsThatFail) {
  if (IsSkipped()) return;
  vulkan_.replace("vkGetSemaphoreCounterValue", count_badly);
  begin();
  wait_result = VK_ERROR_OUT_OF_HOST_MEMORY;
  failing_waits = 5;
  device_->settle(value_);
  EXPECT_EQ(failing_waits, 0);
  EXPECT_FALSE(device_->abandoned());
  EXPECT_TRUE(device_->reached(value_).ok());
}

TEST_F(DeviceFaultTest, WhereNoWaitSucceedsTheCounterTells) {
  if (IsSkipped()) return;
  begin();
  failing_waits = 1 << 30;
  for (const VkResult result : {VK_TIMEOUT, VK_ERROR_OUT_OF_HOST_MEMORY, VK_ERROR_UNKNOWN}) {
    wait_result = result;
    const auto submitted = stream_.submit();
    ASSERT_TRUE(submitted.ok());
    const auto waited = device_->wait(*submitted);
    ASSERT_TRUE(waited.ok()) << waited.error().message;
    EXPECT_TRUE(*waited);
  }
  device_->settle(device_->submissions());
  EXPECT_FALSE(device_->abandoned());
}

TEST_F(DeviceFaultTest, ACounterBeyondWhatWasSubmittedIsNotBelieved) {
  if (IsSkipped()) return;
  vulkan_.replace("vkGetSemaphoreCounterValue", count_as_told);
  begin();
  wait_result = VK_TIMEOUT;
  failing_waits = 3;
  counter = uint64_t{1} << 63;
  const auto waited = device_->wait(value_, 1);
  ASSERT_TRUE(waited.ok());
  EXPECT_FALSE(*waited);
  failing_waits = 0;
  EXPECT_TRUE(device_->wait(value_).ok());
}

TEST_F(DeviceFaultTest, BufferRequirementsThatCannotBeAreRefused) {
  if (IsSkipped()) return;
  vulkan_.replace("vkGetBufferMemoryRequirements", require);
  start();
  ASSERT_TRUE(device_);
  const VkMemoryRequirements lies[] = {
      {0, 0, ~0u}, {0, 3, ~0u}, {0, ~uint64_t{0}, ~0u}, {16, 1, ~0u}, {~uint64_t{0}, 1, ~0u}, {0, 1, 0}};
  for (const VkMemoryRequirements& lie : lies) {
    requirements = lie;
    const auto buffer = device_->create_buffer(4096, MemoryIntent::kDevice);
    ASSERT_FALSE(buffer.ok()) << lie.size << " " << lie.alignment << " " << lie.memoryTypeBits;
    EXPECT_EQ(buffer.error().status, Status::kUnsupported) << buffer.error().message;
  }
  requirements = {0, 1, ~0u};
  EXPECT_TRUE(device_->create_buffer(4096, MemoryIntent::kDevice).ok());
}

TEST_F(DeviceFaultTest, APipelineCacheOfAnySizeIsNoMoreThanAWarning) {
  if (IsSkipped()) return;
  const test::TemporaryFolder folder;
  std::string warning;
  vulkan_.replace("vkGetPipelineCacheData", huge_cache);
  start({.pipeline_cache_path = folder.file("cache")}, Log([&](LogLevel, std::string_view text) { warning = text; }));
  ASSERT_TRUE(device_);
  device_.reset();
  EXPECT_NE(warning.find("pipeline cache not written"), std::string::npos) << warning;
  EXPECT_FALSE(std::filesystem::exists(folder.file("cache")));
}

TEST_F(DeviceFaultTest, AFunctionThatIsNotThereIsNamed) {
  if (IsSkipped()) return;
  vulkan_.replace("vkCmdDispatch", static_cast<std::remove_pointer_t<PFN_vkCmdDispatch>*>(nullptr));
  start();
  ASSERT_TRUE(refused_);
  EXPECT_EQ(refused_->status, Status::kUnsupported);
  EXPECT_NE(refused_->message.find("vkCmdDispatch"), std::string::npos) << refused_->message;
}

}  // namespace pumice::vk::device_test
