// The part of Device that submits and waits.
#include <algorithm>
#include <array>
#include <thread>
#include <utility>

#include "vk/device.h"

namespace pumice::vk {
namespace {

constexpr size_t kMostSemaphores = 16;
constexpr double kLeastTime = 0.1;  // microseconds of a chunk; 0: not known

template <size_t N, typename T>
constexpr std::array<T, N> one_value(T value) {
  std::array<T, N> all{};
  all.fill(value);
  return all;
}

}  // namespace

Result<void> Device::prepare_semaphores() {
  for (Semaphores* const semaphores : {&awaited_, &signalled_}) {
    semaphores->handles.reserve(kMostSemaphores);
    semaphores->values.reserve(kMostSemaphores);
  }
  return add(signalled_, timeline_, 0);
}

Error Device::failed(VkResult result, const char* call) {
  if (result == VK_ERROR_DEVICE_LOST) lost_ = true;
  return vulkan_error(result, call);
}

Result<void> Device::check() const {
  if (lost_) return error(Status::kDeviceLost, "the device was lost; create it again");
  return {};
}

Result<uint64_t> Device::submit(std::span<const Chunk> chunks) {
  std::lock_guard lock(queue_mutex_);
  if (lost_) return vulkan_error(VK_ERROR_DEVICE_LOST, "vkQueueSubmit");
  held_.reserve(chunks.size());
  running_.reserve(held_.size() + chunks.size());
  batch_.reserve(held_.size() + chunks.size());
  // Nothing throws from here on.
  const uint64_t before = last_value_.load();
  for (const Chunk& chunk : chunks)
    held_.push({.chunk = chunk, .value = ++last_value_, .last = &chunk == &chunks.back()});
  if (paced_) return last_value_.load();
  if (Result<void> sent = send(held_.size()); !sent) {
    held_.clear();
    last_value_ = before;
    return std::move(sent).error();
  }
  return last_value_.load();
}

// The first `count` of what is held, in one submission. Afterwards they are running, where that is of interest.
Result<void> Device::send(size_t count) {
  PUMICE_TRY(check());
  batch_.clear();
  for (size_t i = 0; i < count; ++i) batch_.push_back(held_[i].chunk.commands);
  const uint64_t value = signalled_.values[0] = held_[count - 1].value;
  const VkTimelineSemaphoreSubmitInfo timeline{
      .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
      .waitSemaphoreValueCount = static_cast<uint32_t>(awaited_.values.size()),
      .pWaitSemaphoreValues = awaited_.values.data(),
      .signalSemaphoreValueCount = static_cast<uint32_t>(signalled_.values.size()),
      .pSignalSemaphoreValues = signalled_.values.data()};
  constexpr auto kStages = one_value<kMostSemaphores>(VkPipelineStageFlags{VK_PIPELINE_STAGE_ALL_COMMANDS_BIT});
  const VkSubmitInfo info{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                          .pNext = &timeline,
                          .waitSemaphoreCount = static_cast<uint32_t>(awaited_.handles.size()),
                          .pWaitSemaphores = awaited_.handles.data(),
                          .pWaitDstStageMask = kStages.data(),
                          .commandBufferCount = static_cast<uint32_t>(batch_.size()),
                          .pCommandBuffers = batch_.data(),
                          .signalSemaphoreCount = static_cast<uint32_t>(signalled_.handles.size()),
                          .pSignalSemaphores = signalled_.handles.data()};
  const VkResult result = queue_submit(info);
  if (result != VK_SUCCESS) return failed(result, "vkQueueSubmit");
  awaited_.handles.clear();
  awaited_.values.clear();
  signalled_.handles.resize(1);
  signalled_.values.resize(1);
  sent_value_ = value;
  for (size_t i = 0; i < count; ++i, held_.pop()) {
    if (!paced_ || !held_.front().chunk.time) continue;
    held_.front().sent = std::chrono::steady_clock::now();
    running_.push(held_.front());
  }
  return {};
}

// What wait() waits for is submitted.
Result<void> Device::send_up_to(uint64_t value) {
  if (value <= sent_value_) return {};
  const std::lock_guard lock(queue_mutex_);
  if (awaits_host()) return {};
  size_t count = 0;
  while (count < held_.size() && held_[count].value <= value) ++count;
  return count > 0 ? send(count) : Result<void>();
}

Result<void> Device::release_all() {
  if (!paced_) return {};
  const std::lock_guard lock(queue_mutex_);
  (void)running();
  if (awaits_host()) return {};  // goes at a later call
  PUMICE_TRY(held_.empty() ? Result<void>() : send(held_.size()));
  running_.clear();
  paced_ = false;
  return {};
}

Result<Device::Released> Device::release(double microseconds) {
  const std::lock_guard lock(queue_mutex_);
  return let_go(microseconds, VK_NULL_HANDLE);
}

Result<Device::Released> Device::record(VkCommandBuffer commands, double microseconds) {
  const std::lock_guard lock(queue_mutex_);
  // What was recorded before record() was used comes first, and by the queue.
  PUMICE_TRY(check());
  size_t others = 0;
  while (others < held_.size() && !held_[others].chunk.secondary) ++others;
  (void)running();
  if (others > 0 && awaits_host()) return Released{.held = static_cast<uint32_t>(held_.size())};
  if (others > 0) PUMICE_TRY(send(others));
  return let_go(microseconds, commands);
}

Result<void> Device::recorded_done(uint64_t value) {
  const std::lock_guard lock(queue_mutex_);
  if (value > recorded_value_) return error(Status::kInvalidArgument, "nothing with that value has been recorded");
  advance(value);  // the timeline follows with the next submission
  return {};
}

// The first of what is held. Returns its value.
uint64_t Device::hand_over(VkCommandBuffer commands) {
  table_.vkCmdExecuteCommands(commands, 1, &held_.front().chunk.secondary);
  const uint64_t value = held_.front().value;
  held_.front().sent = std::chrono::steady_clock::now();
  running_.push(held_.front());
  held_.pop();
  sent_value_ = recorded_value_ = value;
  return value;
}

// commands: null: to the queue.
Result<Device::Released> Device::let_go(double microseconds, VkCommandBuffer commands) {
  PUMICE_TRY(check());
  Released released;
  double before = running();
  released.finished = std::exchange(finished_time_, 0);
  pace_.frame_begins(microseconds, released.finished);
  const HostQueue calls = options_.host ? options_.host->queue_calls : HostQueue{};
  const bool shared = !commands && (calls.lock || calls.submit);
  size_t ready = 0;  // of what is held, to be sent together
  const auto next = [&]() -> const Chunk& { return held_[ready].chunk; };
  while (ready < held_.size() && (commands ? next().secondary != VK_NULL_HANDLE : !awaits_host())) {
    const ChunkTime* const time = next().time;
    if (shared && time && (ready > 0 || !running_.empty())) break;  // before the pace is asked, which may spend credit
    released.too_long = released.too_long || (time && pace_.expected(*time) > microseconds);
    if (!pace_.lets_go(next(), before, microseconds)) break;
    const double took = !time ? 0 : time->known() ? pace_.expected(*time) : microseconds;
    ++released.chunks;
    before += took;
    released.microseconds += took;
    if (commands) {
      released.recorded = hand_over(commands);
    } else if (++ready; (time && !time->pool) || held_[ready - 1].last) {
      // What is seen to finish by itself, or its time would not be known; and the values that somebody waits for.
      PUMICE_TRY(send(std::exchange(ready, 0)));
    }
  }
  if (ready > 0) PUMICE_TRY(send(ready));
  released.held = static_cast<uint32_t>(held_.size());
  return released;
}

void Device::note_finished() noexcept {
  const std::lock_guard lock(queue_mutex_);
  (void)running();
}

// Microseconds of what has been submitted and has not finished. Notes the times of what has.
double Device::running() {
  uint64_t counter = 0;
  if (!running_.empty() && table_.vkGetSemaphoreCounterValue(handle_, timeline_, &counter) == VK_SUCCESS &&
      counter <= sent_value_)
    advance(counter);
  while (!running_.empty() && running_.front().value <= finished_value_) {
    if (running_.front().chunk.time) note_time(running_.front());
    running_.pop();
  }
  double sum = 0;
  for (size_t i = 0; i < running_.size(); ++i)
    if (running_[i].chunk.time) sum += pace_.expected(*running_[i].chunk.time);
  return sum;
}

void Device::forget(std::span<const ChunkTime> times) noexcept {
  const std::lock_guard lock(queue_mutex_);
  for (size_t i = 0; i < running_.size(); ++i) {
    ChunkTime*& time = running_[i].chunk.time;
    if (time >= times.data() && time < times.data() + times.size()) time = nullptr;
  }
}

void Device::note_time(const NumberedChunk& chunk) {
  ChunkTime& time = *chunk.chunk.time;
  double took = 0;
  uint64_t stamps[2];
  const bool stamped =
      time.pool && table_.vkGetQueryPoolResults(handle_, time.pool, time.query, 2, sizeof stamps, stamps,
                                                sizeof stamps[0], VK_QUERY_RESULT_64_BIT) == VK_SUCCESS;
  const std::chrono::duration<double, std::micro> seen = std::chrono::steady_clock::now() - chunk.sent;
  if (stamped) {
    const uint64_t ticks = (stamps[1] - stamps[0]) & caps().timestamp_mask;
    took = static_cast<double>(ticks) * caps().timestamp_period_ns * 1e-3;
  } else if (!time.pool || !time.known()) {
    took = seen.count();
  } else {
    return;  // the next run of the same recording may have begun
  }
  finished_time_ += took;
  pace_.finished(time, std::max(kLeastTime, took));
}

VkResult Device::queue_submit(const VkSubmitInfo& info) {
  const HostQueue calls = options_.host ? options_.host->queue_calls : HostQueue{};
  if (calls.submit) return calls.submit(calls.user, &info);
  if (calls.lock) calls.lock(calls.user);
  const VkResult result = table_.vkQueueSubmit(queue_, 1, &info, VK_NULL_HANDLE);
  if (calls.unlock) calls.unlock(calls.user);
  return result;
}

Result<void> Device::add(Semaphores& to, VkSemaphore semaphore, uint64_t value) {
  if (to.handles.size() == kMostSemaphores)
    return error(Status::kInvalidArgument, "a submission takes %zu semaphores", kMostSemaphores);
  to.handles.push_back(semaphore);
  to.values.push_back(value);
  return {};
}

Result<void> Device::wait_before_next(VkSemaphore semaphore, uint64_t value) {
  const std::lock_guard lock(queue_mutex_);
  return add(awaited_, semaphore, value);
}

Result<void> Device::signal_with_next(VkSemaphore semaphore, uint64_t value) {
  const std::lock_guard lock(queue_mutex_);
  return add(signalled_, semaphore, value);
}

void Device::advance(uint64_t finished) {
  uint64_t seen = finished_value_.load();
  while (seen < finished && !finished_value_.compare_exchange_weak(seen, finished)) {
  }
}

// VK_SUCCESS, VK_TIMEOUT or an error. Where the driver's wait has come to nothing, or fails for want of memory, its
// counter is asked, and believed as far as submissions have gone.
VkResult Device::wait_once(uint64_t value, uint64_t timeout_ns) {
  const VkSemaphoreWaitInfo info{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                 .semaphoreCount = 1,
                                 .pSemaphores = &timeline_,
                                 .pValues = &value};
  const VkResult result = table_.vkWaitSemaphores(handle_, &info, timeout_ns);
  if (result == VK_SUCCESS) advance(value);
  if (result == VK_SUCCESS || result == VK_ERROR_DEVICE_LOST) return result;
  if (result == VK_TIMEOUT && timeout_ns == 0) return result;
  uint64_t counter = 0;
  if (table_.vkGetSemaphoreCounterValue(handle_, timeline_, &counter) != VK_SUCCESS) return result;
  if (counter <= sent_value_.load()) advance(counter);
  return value <= finished_value_.load() ? VK_SUCCESS : VK_TIMEOUT;
}

// Counts the time in which those who wait see nothing finish. A gap between two looks counts as a second at most, so
// that a process that was stopped does not find its device hanging.
bool Device::hangs() {
  constexpr std::chrono::seconds kMostGap{1};
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(watch_mutex_);
  const uint64_t finished = finished_value_.load();
  stalled_ = finished == watched_value_
                 ? stalled_ + std::min<std::chrono::steady_clock::duration>(now - watched_, kMostGap)
                 : std::chrono::steady_clock::duration::zero();
  watched_ = now;
  watched_value_ = finished;
  return stalled_ > options_.hang_limit;
}

Result<bool> Device::wait(uint64_t value, uint64_t timeout_ns) {
  using Clock = std::chrono::steady_clock;
  constexpr uint64_t kLook = 500'000'000;  // ns between two looks at whether the device hangs
  if (value <= finished_value_.load()) return true;
  if (timeout_ns == 0 && value > sent_value_)
    return lost_ ? Result<bool>(vulkan_error(VK_ERROR_DEVICE_LOST, "vkWaitSemaphores")) : Result<bool>(false);
  const Clock::time_point start = Clock::now();
  for (uint64_t waited = 0;;) {
    if (lost_) return vulkan_error(VK_ERROR_DEVICE_LOST, "vkWaitSemaphores");
    if (timeout_ns > 0) PUMICE_TRY(send_up_to(value));
    const uint64_t recorded = recorded_value_.load();  // by a host, which comes first
    const uint64_t next = value > sent_value_ && awaits_host() ? recorded : value;
    const VkResult result = wait_once(next, std::min(kLook, timeout_ns - waited));
    if (result == VK_SUCCESS && next == value) return true;
    if (result == VK_SUCCESS) continue;
    if (result == VK_ERROR_DEVICE_LOST) return failed(result, "vkWaitSemaphores");
    if (hangs()) {
      lost_ = abandoned_ = true;
      return error(Status::kDeviceLost,
                   "the device has finished nothing for %lld s and counts as lost; create it again",
                   static_cast<long long>(options_.hang_limit.count()));
    }
    if (result != VK_TIMEOUT) return failed(result, "vkWaitSemaphores");
    const uint64_t before = waited;
    waited = static_cast<uint64_t>(std::chrono::nanoseconds(Clock::now() - start).count());
    if (waited >= timeout_ns) return false;
    // A driver that does not wait is not asked all the time.
    if (waited - before < kLook / 1000) std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

void Device::settle(uint64_t value) noexcept {
  // The hang limit bounds each wait; what else can go wrong with one passes or does not.
  constexpr int kTries = 100;
  for (int i = 0; i < kTries && !abandoned_; ++i) {
    try {
      if (lost_ || wait(value)) return;
    } catch (...) {  // no memory for the words of an error
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  lost_ = abandoned_ = true;
}

}  // namespace pumice::vk
