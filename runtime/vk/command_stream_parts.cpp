// The part of CommandStream that cuts recordings into what is submitted at once, and measures that.
#include <algorithm>
#include <cmath>

#include "vk/command_stream.h"

namespace pumice::vk {
namespace {

constexpr uint32_t kMostTimedParts = 1024;

}  // namespace

Result<void> CommandStream::create_times() {
  times_.resize(kMostTimedParts);
  if (device_->caps().timestamp_period_ns <= 0) return {};
  const VkQueryPoolCreateInfo info{.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                   .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                   .queryCount = 2 * kMostTimedParts};
  const VkResult result =
      device_->table().vkCreateQueryPool(device_->handle(), &info, device_->allocator(), &time_pool_);
  if (result != VK_SUCCESS) return vulkan_error(result, "vkCreateQueryPool");
  for (uint32_t i = 0; i < kMostTimedParts; ++i) times_[i].pool = time_pool_, times_[i].query = 2 * i;
  return {};
}

Result<void> CommandStream::add_buffers() {
  const auto add = [&](std::vector<VkCommandBuffer>& to, VkCommandBufferLevel level) -> Result<void> {
    to.reserve(to.size() + 1);
    const VkCommandBufferAllocateInfo info{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                           .commandPool = pool_,
                                           .level = level,
                                           .commandBufferCount = 1};
    VkCommandBuffer made = VK_NULL_HANDLE;
    const VkResult result = device_->table().vkAllocateCommandBuffers(device_->handle(), &info, &made);
    if (result != VK_SUCCESS) return vulkan_error(result, "vkAllocateCommandBuffers");
    to.push_back(made);
    return {};
  };
  if (parts_ == buffers_.size()) PUMICE_TRY(add(buffers_, VK_COMMAND_BUFFER_LEVEL_PRIMARY));
  while (recordable_ && secondaries_.size() <= parts_) PUMICE_TRY(add(secondaries_, VK_COMMAND_BUFFER_LEVEL_SECONDARY));
  chunks_.reserve(buffers_.size() + 1);
  if (spans_.size() <= parts_) spans_.resize(parts_ + 1);
  return {};
}

Result<void> CommandStream::begin_commands(VkCommandBuffer commands, const VkCommandBufferInheritanceInfo* inherited) {
  const VkCommandBufferBeginInfo begin{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                       .flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT,
                                       .pInheritanceInfo = inherited};
  const VkResult result = device_->table().vkBeginCommandBuffer(commands, &begin);
  if (result != VK_SUCCESS) return vulkan_error(result, "vkBeginCommandBuffer");
  return {};
}

Result<void> CommandStream::begin_part() {
  const DeviceTable& table = device_->table();
  PUMICE_TRY(add_buffers());
  commands_ = recordable_ ? secondaries_[parts_] : buffers_[parts_];
  ++parts_;
  first_dispatch_ = dispatches_;
  pieces_ = 1;
  part_cost_ = 0;
  const VkCommandBufferInheritanceInfo nothing{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO};
  PUMICE_TRY(begin_commands(commands_, recordable_ ? &nothing : nullptr));
  if (!timed_ || !time_pool_) return {};
  const ChunkTime& time = times_[parts_ - 1];
  table.vkCmdResetQueryPool(commands_, time_pool_, time.query, 2);
  table.vkCmdWriteTimestamp(commands_, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, time_pool_, time.query);
  return {};
}

Result<void> CommandStream::end_part() {
  const DeviceTable& table = device_->table();
  const Span span{first_dispatch_, pieces_ > 1 ? 1 : dispatches_ - first_dispatch_, pieces_};
  if (timed_ && span != spans_[parts_ - 1]) times_[parts_ - 1].microseconds = std::max(part_cost_, 0.0);
  spans_[parts_ - 1] = span;
  if (timed_ && time_pool_)
    table.vkCmdWriteTimestamp(commands_, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, time_pool_,
                              times_[parts_ - 1].query + 1);
  VkResult result = table.vkEndCommandBuffer(commands_);
  if (result == VK_SUCCESS && recordable_) {
    PUMICE_TRY(begin_commands(buffers_[parts_ - 1], nullptr));
    table.vkCmdExecuteCommands(buffers_[parts_ - 1], 1, &commands_);
    result = table.vkEndCommandBuffer(buffers_[parts_ - 1]);
  }
  if (result != VK_SUCCESS) return vulkan_error(result, "vkEndCommandBuffer");
  return {};
}

// What was written before is ordered as within a command buffer: barriers hold for all that was submitted earlier.
void CommandStream::cut() {
  if (error_ || parts_ == kMostTimedParts) return;
  if (Result<void> ended = end_part(); !ended) return fail(std::move(ended).error());
  if (Result<void> begun = begin_part(); !begun) return fail(std::move(begun).error());
}

// Parts are as long as they may be by the times of the last recording. A dispatch whose time is not known is a part.
void CommandStream::cut_before_dispatch() {
  if (longest_ <= 0 || error_) return;
  const double cost = known_cost();
  const bool joins = cost > 0 && part_cost_ >= 0 && pieces_ == 1 && part_cost_ + cost <= longest_;
  if (dispatches_ > first_dispatch_ && !joins) cut();
  part_cost_ = cost > 0 && part_cost_ >= 0 ? part_cost_ + cost : -1;
}

// Of the next dispatch; 0: it is not known.
double CommandStream::known_cost() const { return dispatches_ < costs_.size() ? costs_[dispatches_] : 0; }

// A dispatch that takes too long goes as several, of some of its workgroups each, on drivers that run on the CPU: those
// are as slow as that, and their pipelines take a first workgroup.
uint32_t CommandStream::pieces_of(Groups groups) const {
  constexpr double kMostPieces = 64;
  const double cost = known_cost();
  if (longest_ <= 0 || cost <= longest_ || device_->caps().type != DeviceType::kCpu) return 1;
  const double pieces = std::min(std::ceil(cost / longest_), kMostPieces);
  return std::min(static_cast<uint32_t>(pieces), std::max({groups.x, groups.y, groups.z}));
}

void CommandStream::dispatch_pieces(const Pipeline& pipeline, std::span<const std::byte> push, Groups groups,
                                    uint32_t pieces) {
  uint32_t base[3] = {0, 0, 0}, count[3] = {groups.x, groups.y, groups.z};
  const size_t axis = static_cast<size_t>(std::max_element(count, count + 3) - count);
  const uint64_t all = count[axis];
  const double cost = known_cost() / pieces;
  // The first workgroups go last: Mesa's lavapipe (22.3) takes a base along into indirect dispatches behind it.
  for (uint64_t piece = pieces; piece-- > 0;) {
    if (piece + 1 < pieces) {
      cut();
      if (error_) return;
      set_state(pipeline, push);
    }
    pieces_ = pieces;
    part_cost_ = cost;
    base[axis] = static_cast<uint32_t>(all * piece / pieces);
    count[axis] = static_cast<uint32_t>(all * (piece + 1) / pieces) - base[axis];
    device_->table().vkCmdDispatchBase(commands_, base[0], base[1], base[2], count[0], count[1], count[2]);
  }
}

// What the recording that goes away tells of its dispatches, for one of as many rows.
void CommandStream::learn(uint32_t rows) {
  device_->note_finished();
  if (timed_rows_ != rows) {
    for (ChunkTime& time : times_) time.microseconds = 0;
    costs_.clear();
    spans_.clear();
  } else if (timed_) {
    costs_.resize(std::max<size_t>(costs_.size(), dispatches_));
    for (size_t part = 0; part < parts_;) part += learn_part(part);
  }
}

// Returns how many parts that were.
size_t CommandStream::learn_part(size_t part) {
  const Span span = spans_[part];
  const auto costs = std::span(costs_).subspan(span.first, span.count);
  const size_t parts = std::min<size_t>(span.pieces, parts_ - part);
  double took = 0, sum = 0;
  bool known = !costs.empty();
  for (const ChunkTime& time : std::span(times_).subspan(part, parts))
    known = known && time.microseconds > 0, took += time.microseconds;
  for (const double cost : costs) known = known && (cost > 0 || costs.size() == 1), sum += cost;
  if (known)
    for (double& cost : costs) cost = costs.size() == 1 ? took : cost * took / sum;
  return parts;
}

bool CommandStream::improvable(double longest) const {
  if (!timed_ || longest != longest_) return longest > 0;
  if (longest <= 0) return false;
  bool unknown = false;
  for (size_t part = 0; part < parts_; ++part) {
    if (spans_[part].count == 0) continue;
    if (times_[part].microseconds <= 0) return false;  // not yet
    unknown = unknown || spans_[part].first >= costs_.size() || costs_[spans_[part].first] <= 0;
  }
  return unknown;
}

}  // namespace pumice::vk
