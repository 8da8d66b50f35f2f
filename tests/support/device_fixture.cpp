#include "support/device_fixture.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

namespace pumice::test {
namespace {

// Messages of the validation layer that say nothing about this code.
struct FalseAlarm {
  std::string_view part, reason;
};
constexpr FalseAlarm kFalseAlarms[] = {
    {"not installed: nothing is validated", "the layer is optional"},
};

constexpr uint32_t kGuardBytes = 4 * kGuardWords;

}  // namespace

const char* mask_name(Mask mask) {
  constexpr const char* kNames[] = {"native", "discrete", "shared", "small bindings", "new compiler", "Intel"};
  return kNames[static_cast<size_t>(mask)];
}

vk::DeviceCaps masked(vk::DeviceCaps caps, Mask mask) {
  if (mask == Mask::kDiscrete || mask == Mask::kShared || mask == Mask::kIntel) {
    caps.type = vk::DeviceType::kDiscrete;
    caps.mapped_device_memory = false;
  }
  if (mask == Mask::kShared) {
    caps.subgroup_shuffle = caps.integer_dot = false;
    caps.cooperative_matrices.clear();
  }
  if (mask == Mask::kIntel) caps.vendor_id = 0x8086;
  if (mask == Mask::kNewCompiler) caps.driver_major = std::max(caps.driver_major, 26u);
  if (mask == Mask::kSmallBindings) caps.max_storage_range = kSmallBinding;
  return caps;
}

TestVulkan& TestVulkan::get() {
  static TestVulkan vulkan;
  return vulkan;
}

void TestVulkan::start() {
  started_ = true;
  const auto on_log = [this](LogLevel level, std::string_view text) {
    if (level < LogLevel::kWarning) return;
    const bool harmless = std::any_of(std::begin(kFalseAlarms), std::end(kFalseAlarms), [&](const FalseAlarm& alarm) {
      return text.find(alarm.part) != std::string_view::npos;
    });
    std::lock_guard lock(mutex_);
    if (!harmless && text.starts_with("validation")) messages_.emplace_back(text);
  };
  instance_ = std::make_unique<vk::Instance>(vk::InstanceOptions{.log = Log(on_log), .validation = true});
  const auto devices = instance_->devices();
  if (!devices) {
    unavailable_ = devices.error().message;
    return;
  }
  std::vector<vk::DeviceCaps> all;
  for (const vk::PhysicalDevice& device : *devices) all.push_back(device.caps);
  const auto chosen = vk::select_device(all, selector_);
  if (!chosen)
    unavailable_ = chosen.error().message;
  else
    physical_ = (*devices)[*chosen];
}

const std::string& TestVulkan::unavailable() {
  if (!started_) start();
  return unavailable_;
}

TestGpu& TestVulkan::gpu(Mask mask) {
  std::unique_ptr<TestGpu>& place = gpus_[static_cast<size_t>(mask)];
  if (!place) place = std::make_unique<TestGpu>();
  TestGpu& gpu = *place;
  if (!gpu.device) {
    auto device = vk::Device::create(*instance_, physical().handle, {.caps = masked(physical().caps, mask)});
    if (!device)
      ADD_FAILURE() << device.error().message;
    else
      gpu.device = std::move(*device);
    if (gpu.device) gpu.kernels = std::make_unique<Kernels>(*gpu.device);
  }
  return gpu;
}

void TestVulkan::give_up(const TestGpu& gpu, UnfinishedWork work) {
  for (std::unique_ptr<TestGpu>& place : gpus_)
    if (place.get() == &gpu) work.gpu = std::move(place);
  unfinished_.push_back(std::move(work));
}

std::vector<std::string> TestVulkan::take_messages() {
  std::lock_guard lock(mutex_);
  return std::exchange(messages_, {});
}

void TestVulkan::shut_down() {
  for (std::unique_ptr<TestGpu>& gpu : gpus_) gpu.reset();
  const bool idle = std::all_of(unfinished_.begin(), unfinished_.end(), [](const UnfinishedWork& work) {
    vk::Device& device = *work.gpu->device;
    const Result<bool> reached = device.reached(device.submissions());
    return reached && *reached;
  });
  if (!idle) {
    new std::deque<UnfinishedWork>(std::move(unfinished_));
    static_cast<void>(instance_.release());
  }
  unfinished_.clear();
  instance_.reset();
}

void DeviceTest::SetUp() {
  const std::string& unavailable = TestVulkan::get().unavailable();
  if (!unavailable.empty()) GTEST_SKIP() << "no device to test on: " << unavailable;
  use(Mask::kNone);
}

void DeviceTest::TearDown() {
  drop_buffers();
  for (const std::string& message : TestVulkan::get().take_messages()) ADD_FAILURE() << message;
}

void DeviceTest::use(Mask mask) {
  drop_buffers();
  gpu_ = &TestVulkan::get().gpu(mask);
  ASSERT_TRUE(gpu_->device);
}

vk::BufferView DeviceTest::words(size_t count, uint32_t fill) {
  const std::vector<uint32_t> all = guarded_words(std::max<size_t>(count, 1), fill);
  auto made = device().create_buffer(4 * all.size(), vk::MemoryIntent::kShared);
  if (!made) {
    ADD_FAILURE() << made.error().message;
    return {};
  }
  std::memcpy(made->mapped(), all.data(), 4 * all.size());
  buffers_.push_back(std::move(*made));
  return {buffers_.back(), kGuardBytes, 4 * std::max<size_t>(count, 1)};
}

const vk::Buffer* DeviceTest::whole(std::span<const float> values) {
  auto made = device().create_buffer(values.size_bytes(), vk::MemoryIntent::kShared);
  if (!made) {
    ADD_FAILURE() << made.error().message;
    return nullptr;
  }
  std::memcpy(made->mapped(), values.data(), values.size_bytes());
  plain_.push_back(std::move(*made));
  return &plain_.back();
}

void* DeviceTest::body(const vk::BufferView& view) {
  for (const vk::Buffer& buffer : buffers_)
    if (buffer.handle() == view.buffer) return buffer.mapped() + view.offset;
  ADD_FAILURE() << "not a buffer of this test";
  return nullptr;
}

FloatRows DeviceTest::rows(std::span<const float> values, uint32_t cols, uint32_t stride) {
  if (stride == 0) stride = cols;
  const auto n = static_cast<uint32_t>(values.size() / cols);
  const FloatRows result = nan_rows(n, stride);
  auto* to = static_cast<float*>(body(result.view));
  for (uint32_t row = 0; row < n; ++row) std::memcpy(to + row * stride, values.data() + row * cols, 4 * cols);
  return result;
}

vk::BufferView DeviceTest::with_guard(vk::BufferView view) {
  view.size += kGuardBytes;
  return view;
}

FloatRows DeviceTest::nan_rows(uint32_t n, uint32_t stride) { return {with_guard(words(size_t{n} * stride)), stride}; }

std::vector<float> DeviceTest::read_rows(const FloatRows& from, uint32_t n, uint32_t cols, uint32_t first) {
  const auto all = read<uint32_t>(from.view);
  std::vector<float> values(size_t{n} * cols);
  size_t touched = 0;
  for (uint32_t row = 0; row < n; ++row) {
    std::memcpy(values.data() + size_t{row} * cols, all.data() + size_t{row} * from.stride + first, 4 * cols);
    for (uint32_t i = 0; i < from.stride; ++i)
      if ((i < first || i >= first + cols) && all[size_t{row} * from.stride + i] != kNanWord) ++touched;
  }
  EXPECT_EQ(touched, 0u) << "words between the rows were written";
  return values;
}

void DeviceTest::submit_and_wait(vk::CommandStream& stream) {
  const auto value = stream.submit();
  ASSERT_TRUE(value.ok()) << value.error().message;
  const Result<void> waited = wait_for(*value);
  if (waited) return;
  TestVulkan::get().give_up(*gpu_,
                            {nullptr, std::move(stream), std::exchange(buffers_, {}), std::exchange(plain_, {})});
  FAIL() << waited.error().message;
}

Result<void> DeviceTest::wait_for(uint64_t submission) {
  PUMICE_ASSIGN(const bool reached, device().wait(submission));
  static_cast<void>(reached);
  return {};
}

void DeviceTest::run(const std::function<void(Recorder)>& record) {
  auto stream = vk::CommandStream::create(device());
  ASSERT_TRUE(stream.ok()) << stream.error().message;
  stream->begin();
  record({kernels(), *stream});
  const auto ended = stream->end();
  ASSERT_TRUE(ended.ok()) << ended.error().message;
  submit_and_wait(*stream);
  expect_guards();
}

void DeviceTest::expect_guards() {
  for (const vk::Buffer& buffer : buffers_) {
    const auto broken = broken_guard({buffer.mapped_as<const uint32_t>(), buffer.size() / 4});
    EXPECT_FALSE(broken.has_value()) << "a guard word of a buffer of " << buffer.size() / 4 - 2 * kGuardWords
                                     << " words was overwritten, at " << *broken;
  }
}

}  // namespace pumice::test
