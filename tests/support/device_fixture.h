// DeviceTest: tests that run on a Vulkan device, under the validation layer. Without a usable device they are skipped;
// a validation message fails the test in which it came.
//
// One instance and at most one device per mask serve the whole process (made on first use), so pipelines are compiled
// once. `pumice_tests --pumice-device=SEL` names the device as vk::select_device does. Thread rule: one thread at a
// time.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "support/generator.h"
#include "vk/command_stream.h"
#include "vk/device.h"

namespace pumice::test {

// Which of the device's capabilities are hidden, so that every path runs on every machine.
enum class Mask {
  kNone,           // as the driver reports it
  kDiscrete,       // says it is a discrete GPU: the choices made for GPUs, uploads through staging
  kShared,         // a discrete GPU without subgroup operations, integer dot products and cooperative matrices:
                   // reductions through shared memory, products in f32
  kSmallBindings,  // binds 16 KiB at most: weights in many slabs
  kNewCompiler,  // a software driver whose compiler takes large kernels, whatever its version; slow where it is not so
  kIntel,        // a discrete GPU of Intel's: matrices whose sums several subgroups share out
};
constexpr Mask kAllMasks[] = {Mask::kNone, Mask::kDiscrete, Mask::kShared, Mask::kSmallBindings,
                               Mask::kNewCompiler, Mask::kIntel};
constexpr uint64_t kSmallBinding = 16384;
const char* mask_name(Mask mask);
vk::DeviceCaps masked(vk::DeviceCaps caps, Mask mask);

struct TestGpu {
  std::unique_ptr<vk::Device> device;
  std::unique_ptr<Kernels> kernels;
};

// What a submission uses that was waited for in vain; destroyed from the last to the first.
struct UnfinishedWork {
  std::unique_ptr<TestGpu> gpu;
  vk::CommandStream stream;
  std::deque<vk::Buffer> buffers, plain_buffers;
};

// The process's Vulkan objects. main() shuts it down, so that the layer can report what was left behind.
class TestVulkan {
 public:
  static TestVulkan& get();

  void select(std::string selector) { selector_ = std::move(selector); }
  // Empty, or why there is no device to test on.
  const std::string& unavailable();
  const vk::Instance& instance() { return *instance_; }
  const vk::PhysicalDevice& physical() { return physical_; }
  TestGpu& gpu(Mask mask);
  // Keeps `work` until shut_down(), and for ever where it has not finished by then. `gpu` goes with it, and gpu() makes
  // another.
  void give_up(const TestGpu& gpu, UnfinishedWork work);
  // Messages since the last call, without the known false alarms.
  std::vector<std::string> take_messages();
  void shut_down();

 private:
  void start();
  bool started_ = false;
  std::string selector_, unavailable_;
  vk::PhysicalDevice physical_;
  std::unique_ptr<vk::Instance> instance_;
  std::unique_ptr<TestGpu> gpus_[std::size(kAllMasks)];
  std::deque<UnfinishedWork> unfinished_;
  std::mutex mutex_;
  std::vector<std::string> messages_;
};

class DeviceTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // The device of what follows; drops all buffers made so far.
  void use(Mask mask);
  void drop_buffers() { buffers_.clear(), plain_.clear(); }
  vk::Device& device() { return *gpu_->device; }
  Kernels& kernels() { return *gpu_->kernels; }
  const vk::DeviceCaps& caps() { return gpu_->device->caps(); }

  // Buffers between guards, host-visible, owned by the fixture.
  vk::BufferView words(size_t count, uint32_t fill = kNanWord);
  template <typename T>
  vk::BufferView buffer(std::span<const T> values) {
    const vk::BufferView view = words((values.size_bytes() + 3) / 4, 0);
    if (!values.empty()) std::memcpy(body(view), values.data(), values.size_bytes());
    return view;
  }
  template <typename T>
  vk::BufferView buffer(const std::vector<T>& values) {
    return buffer(std::span<const T>(values));
  }
  template <typename T>
  vk::BufferView buffer_of(const T& value) {
    return buffer(std::span<const T>(&value, 1));
  }
  // With the guard behind it, so that a write beyond the body lands there and is not stopped by the driver's bounds
  // check.
  static vk::BufferView with_guard(vk::BufferView view);
  // A whole buffer without guards, where an argument must be one.
  const vk::Buffer* whole(std::span<const float> values);

  // (n, cols) values at `stride` (0: cols), with NaN between the rows.
  FloatRows rows(std::span<const float> values, uint32_t cols, uint32_t stride = 0);
  FloatRows nan_rows(uint32_t n, uint32_t stride);  // for an output: with its guard
  // The first `cols` floats of each row; fails the test when what lies between the rows was written.
  std::vector<float> read_rows(const FloatRows& from, uint32_t n, uint32_t cols, uint32_t first = 0);
  template <typename T>
  std::vector<T> read(const vk::BufferView& view) {
    std::vector<T> values(view.size / sizeof(T));
    if (const void* from = body(view)) std::memcpy(values.data(), from, values.size() * sizeof(T));
    return values;
  }

  // Records, submits, waits, and checks the guards of all buffers.
  void run(const std::function<void(Recorder)>& record);
  // Waits as long as it takes: how long that is says nothing on a busy machine, and ctest ends what hangs. When waiting
  // fails, the stream, all buffers made so far and the device are left alone, as they may be in use; what follows in
  // this test reads zeros.
  void submit_and_wait(vk::CommandStream& stream);
  virtual Result<void> wait_for(uint64_t submission);
  void expect_guards();

 private:
  void* body(const vk::BufferView& view);
  TestGpu* gpu_ = nullptr;
  std::deque<vk::Buffer> buffers_, plain_;
};

}  // namespace pumice::test
