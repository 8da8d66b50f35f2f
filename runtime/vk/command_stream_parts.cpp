// The part of CommandStream that cuts recordings into what is submitted at once, and measures that.
#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "vk/command_stream.h"

namespace pumice::vk {
namespace {

constexpr uint32_t kMostTimedParts = 1024;
constexpr double kMostPieces = 64;

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
  if (!parting_.timed || !time_pool_) return {};
  const ChunkTime& time = times_[parts_ - 1];
  table.vkCmdResetQueryPool(commands_, time_pool_, time.query, 2);
  table.vkCmdWriteTimestamp(commands_, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, time_pool_, time.query);
  return {};
}

Result<void> CommandStream::end_part() {
  const DeviceTable& table = device_->table();
  const Span span{first_dispatch_, pieces_ > 1 ? 1 : dispatches_ - first_dispatch_, pieces_};
  spans_[parts_ - 1] = span;
  if (parting_.timed) expect(parts_ - 1);
  if (parting_.timed && time_pool_)
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

void CommandStream::expect(size_t part) {
  ChunkTime& time = times_[part];
  const Span span = spans_[part];
  time.expect(std::max(part_cost_, 0.0));
  uint64_t hash = span.pieces;
  const auto mix = [&](uint64_t word) { hash = mix64(hash ^ word); };
  for (size_t i = span.first; i < std::min<size_t>(span.first + span.count, kinds_.size()); ++i)
    mix(reinterpret_cast<uint64_t>(kinds_[i].pipeline)), mix(kinds_[i].groups.x), mix(kinds_[i].groups.y);
  mix(static_cast<uint64_t>(time.time.microseconds));
  time.alike = static_cast<uint8_t>(hash);
}

// What was written before is ordered as within a command buffer: barriers hold for all that was submitted earlier.
void CommandStream::cut() {
  if (error_ || parts_ == kMostTimedParts) return;
  if (Result<void> ended = end_part(); !ended) return fail(std::move(ended).error());
  if (Result<void> begun = begin_part(); !begun) return fail(std::move(begun).error());
}

// Parts are as long as they may be by what is known. On what cannot be told before it has run, parts end at cut().
void CommandStream::cut_before_dispatch(const DispatchKind& kind) {
  if (!parting_.timed || error_) return;
  kinds_.push_back(kind);
  next_cost_ = device_->costs().expected(kind);
  const bool known = next_cost_ > 0 && part_cost_ >= 0;
  const bool fits = known ? part_cost_ + next_cost_ <= parting_.longest : !parting_.apart;
  if (parting_.longest > 0 && dispatches_ > first_dispatch_ && (!fits || pieces_ > 1)) {
    cut();
    ++own_cuts_;
  }
  part_cost_ = next_cost_ > 0 && part_cost_ >= 0 ? part_cost_ + next_cost_ : -1;
}

// A dispatch that takes too long goes as several, of some of its workgroups each, on drivers that run on the CPU: those
// are as slow as that, and their pipelines take a first workgroup.
uint32_t CommandStream::pieces_of(const DispatchKind& kind) const {
  if (parting_.longest <= 0 || next_cost_ <= parting_.longest || device_->caps().type != DeviceType::kCpu) return 1;
  return std::min(static_cast<uint32_t>(std::min(std::ceil(next_cost_ / parting_.longest), kMostPieces)), kind.parts);
}

void CommandStream::dispatch_pieces(const Pipeline& pipeline, std::span<const std::byte> push, const DispatchKind& kind,
                                    uint32_t pieces) {
  uint32_t base[3] = {0, 0, 0}, count[3] = {kind.groups.x, kind.groups.y, kind.groups.z};
  const uint64_t all = kind.parts;
  // The first workgroups go last: Mesa's lavapipe (22.3) takes a base along into indirect dispatches behind it.
  for (uint64_t piece = pieces; piece-- > 0;) {
    if (piece + 1 < pieces) {
      cut();
      ++own_cuts_;
      if (error_) return;
      set_state(pipeline, push);
    }
    pieces_ = pieces;
    part_cost_ = next_cost_ / pieces;
    base[kind.axis] = static_cast<uint32_t>(all * piece / pieces);
    count[kind.axis] = static_cast<uint32_t>(all * (piece + 1) / pieces) - base[kind.axis];
    device_->table().vkCmdDispatchBase(commands_, base[0], base[1], base[2], count[0], count[1], count[2]);
  }
}

// What the recording that goes away tells of its dispatches.
void CommandStream::learn() {
  if (!parting_.timed) return;
  device_->note_finished();
  for (size_t part = 0; part < parts_;) part += learn_part(part);
}

// Returns how many parts that were: those of a dispatch in pieces together.
size_t CommandStream::learn_part(size_t part) {
  const Span span = spans_[part];
  const size_t parts = std::min<size_t>(span.pieces, parts_ - part);
  double took = 0, expected = 0;
  for (const ChunkTime& time : std::span(times_).subspan(part, parts)) {
    if (time.runs == 0) return parts;
    took += time.runs == 1 ? time.last : time.time.microseconds;
  }
  if (span.first + span.count > kinds_.size()) return parts;
  CostBook& costs = device_->costs();
  const auto kinds = std::span(kinds_).subspan(span.first, span.count);
  if (kinds.size() == 1) costs.note(kinds.front(), took);
  if (kinds.size() <= 1) return parts;
  for (const DispatchKind& kind : kinds) {
    const double one = costs.expected(kind);
    if (one <= 0) return parts;
    expected += one;
  }
  for (const DispatchKind& kind : kinds) costs.note(kind, costs.expected(kind) * took / expected);
  return parts;
}

bool CommandStream::divisible(size_t part) const {
  const Span span = spans_[part];
  if (span.count != 1) return span.count > 1;
  if (device_->caps().type != DeviceType::kCpu || span.first >= kinds_.size()) return false;
  return span.pieces < std::min(static_cast<uint32_t>(kMostPieces), kinds_[span.first].parts);
}

bool CommandStream::improvable(const Parting& parting) const {
  constexpr uint32_t kSomeRuns = 8, kManyRuns = 64;
  constexpr double kFiner = 4;
  if (parting != parting_) return true;
  if (!parting.timed || parting.longest <= 0 || parts_ == kMostTimedParts) return false;
  bool unknown = false, ran = true, many = true;
  double sum = 0;
  for (size_t part = 0; part < parts_; ++part) {
    const ChunkTime& time = times_[part];
    if (spans_[part].count == 0) continue;
    ran = ran && time.runs > 0;
    many = many && time.runs >= kManyRuns;
    unknown = unknown || (time.unexpected() && spans_[part].count == 1);
    if (time.runs >= kSomeRuns && time.time.microseconds > 2 * parting.longest && divisible(part)) return true;
    sum += time.time.microseconds;
  }
  const bool too_fine = static_cast<double>(own_cuts_) > kFiner * (sum / parting.longest + 1);
  return (ran && unknown) || (many && too_fine);
}

}  // namespace pumice::vk
