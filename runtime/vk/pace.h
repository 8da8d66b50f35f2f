// Pace: work that is held back, to be submitted as fast as a host's frames have time for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "vk/functions.h"

namespace pumice::vk {

// What a part of a recording takes on the device: the highest time lately, which goes down slowly. A pair of timestamps
// measures it; without them, how long after its submission it is seen to have finished.
struct ChunkTime {
  VkQueryPool pool = VK_NULL_HANDLE;  // null: the device has no timestamps
  uint32_t query = 0;                 // the first of two
  double microseconds = 0;            // 0: not known yet

  void measured(double now) { microseconds = now > microseconds ? now : 0.95 * microseconds + 0.05 * now; }
};

// What is submitted at once. time outlives the submission; null: it takes next to nothing. secondary: the same for a
// host's command buffer; null: only for the queue.
struct Chunk {
  VkCommandBuffer commands = VK_NULL_HANDLE;
  ChunkTime* time = nullptr;
  VkCommandBuffer secondary = VK_NULL_HANDLE;
};

struct NumberedChunk {
  Chunk chunk;
  uint64_t value = 0;  // of the timeline, once it has finished
  std::chrono::steady_clock::time_point sent{};
};

// First in, first out, in memory that stays.
class ChunkQueue {
 public:
  bool empty() const { return head_ == items_.size(); }
  size_t size() const { return items_.size() - head_; }
  NumberedChunk& front() { return items_[head_]; }
  NumberedChunk& operator[](size_t i) { return items_[head_ + i]; }
  void reserve(size_t more);  // push() does not throw for so many
  void push(const NumberedChunk& chunk) { items_.push_back(chunk); }
  void pop();
  void clear() { head_ = 0, items_.clear(); }

 private:
  std::vector<NumberedChunk> items_;
  size_t head_ = 0;
};

// How much of what is held may go in a frame. Pure but for its credit.
class Pace {
 public:
  // running: microseconds of what is submitted and has not finished, this frame's too. A chunk whose time is not known
  // takes a whole frame, and one that is longer than the budget waits for so many idle frames that it is paid for.
  bool lets_go(const Chunk& chunk, double running, double budget);
  void frame_begins(double budget) { credit_ += budget; }

 private:
  double credit_ = 0;  // of frames that let nothing go
};

}  // namespace pumice::vk
