#include "vk/profiler.h"

#include <utility>

namespace pumice::vk {

Result<Profiler> Profiler::create(Device& device) {
  Profiler profiler(device);
  const VkQueryPoolCreateInfo info{.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                   .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                   .queryCount = 2 * kMaxOperations};
  const VkResult result = device.table().vkCreateQueryPool(device.handle(), &info, device.allocator(), &profiler.pool_);
  if (result != VK_SUCCESS) return vulkan_error(result, "vkCreateQueryPool");
  return profiler;
}

Profiler& Profiler::operator=(Profiler&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(pool_, other.pool_);
  std::swap(operations_, other.operations_);
  std::swap(open_, other.open_);
  return *this;
}

Profiler::~Profiler() {
  if (pool_ && !device_->abandoned())
    device_->table().vkDestroyQueryPool(device_->handle(), pool_, device_->allocator());
}

void Profiler::begin(VkCommandBuffer commands) {
  operations_.clear();
  device_->table().vkCmdResetQueryPool(commands, pool_, 0, 2 * kMaxOperations);
}

void Profiler::before(VkCommandBuffer commands, const std::string& name, double bytes, double flops) {
  open_ = operations_.size() < kMaxOperations;
  if (!open_) return;
  const auto query = static_cast<uint32_t>(2 * operations_.size());
  operations_.push_back({name, 0, bytes, flops});
  device_->table().vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, pool_, query);
}

void Profiler::after(VkCommandBuffer commands) {
  if (!open_) return;
  const auto query = static_cast<uint32_t>(2 * operations_.size() - 1);
  device_->table().vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, pool_, query);
}

std::vector<ProfiledOperation> Profiler::read() const {
  const auto count = static_cast<uint32_t>(2 * operations_.size());
  if (count == 0) return {};
  struct Stamp {
    uint64_t ticks, available;
  };
  std::vector<Stamp> stamps(count);
  const VkResult result = device_->table().vkGetQueryPoolResults(
      device_->handle(), pool_, 0, count, count * sizeof(Stamp), stamps.data(), sizeof(Stamp),
      VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WITH_AVAILABILITY_BIT);
  if (result != VK_SUCCESS) return {};
  std::vector<ProfiledOperation> timed = operations_;
  for (size_t i = 0; i < timed.size(); ++i) {
    if (!stamps[2 * i].available || !stamps[2 * i + 1].available) return {};
    const uint64_t ticks = (stamps[2 * i + 1].ticks - stamps[2 * i].ticks) & device_->caps().timestamp_mask;
    timed[i].microseconds = static_cast<double>(ticks) * device_->caps().timestamp_period_ns / 1000.0;
  }
  return timed;
}

}  // namespace pumice::vk
