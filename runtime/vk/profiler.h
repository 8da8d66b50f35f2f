// Profiler: GPU time of each dispatch by timestamps. It serialises the dispatches that it times.
#pragma once

#include <string>
#include <vector>

#include "vk/device.h"

namespace pumice::vk {

struct ProfiledOperation {
  std::string name;
  double microseconds = 0, bytes = 0, flops = 0;
};

// Move-only; used by one CommandStream. Operations beyond kMaxOperations of one recording are not timed.
class Profiler {
 public:
  static constexpr uint32_t kMaxOperations = 4096;
  static Result<Profiler> create(Device& device);

  Profiler(Profiler&& other) noexcept { *this = std::move(other); }
  Profiler& operator=(Profiler&& other) noexcept;
  ~Profiler();

  void begin(VkCommandBuffer commands);
  void before(VkCommandBuffer commands, const std::string& name, double bytes, double flops);
  void after(VkCommandBuffer commands);
  // Of the last finished submission; empty when the driver wrote no timestamps.
  std::vector<ProfiledOperation> read() const;

 private:
  explicit Profiler(Device& device) : device_(&device) {}
  Device* device_ = nullptr;
  VkQueryPool pool_ = VK_NULL_HANDLE;
  std::vector<ProfiledOperation> operations_;
  bool open_ = false;
};

}  // namespace pumice::vk
