// Pace: work that is held back, to be submitted as fast as a host's frames have time for it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

#include "vk/functions.h"

namespace pumice::vk {

// What something takes but for about one time in fifty, or about twice what it takes most times, if that is less. Steps
// are bounded, so that one outlier, even the first, is soon forgotten, and what grows is followed.
struct HighTime {
  double microseconds = 0;  // 0: not known
  uint32_t count = 0;       // measurements behind it
  uint32_t low = 0;         // of the last ones, how many were less than half of it

  void measured(double now);
};

// What a part of a recording takes on the device. A pair of timestamps measures it; without them, how long after its
// submission it is seen to have finished.
struct ChunkTime {
  VkQueryPool pool = VK_NULL_HANDLE;  // null: the device has no timestamps
  uint32_t query = 0;                 // the first of two
  HighTime time;                      // before the first run what is expected
  double last = 0;                    // of the last run
  uint32_t runs = 0;
  uint8_t alike = 0;  // the same of parts that do the same, and perhaps of others

  bool known() const { return time.microseconds > 0; }
  bool unexpected() const { return time.count == runs; }  // nothing was known before it ran
  void expect(double microseconds);  // 0: nothing is known
  void measured(double now);
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
  bool last = false;   // of what was submitted with it
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

// How much of what is held may go in a frame: as much as keeps all but about one frame in a hundred within its budget.
class Pace {
 public:
  // finished: microseconds of the device that have gone by for what the frames before let go, 0 for none.
  void frame_begins(double budget, double finished);
  // running: microseconds of what is submitted and has not finished, this frame's too. A chunk whose time is not known
  // takes a whole frame, and one that is longer than the budget waits for so many idle frames that it is paid for.
  bool lets_go(const Chunk& chunk, double running, double budget);
  // Notes what it took, and what that tells of parts alike that have yet to run.
  void finished(ChunkTime& time, double took);
  double expected(const ChunkTime& time) const;
  double share() const { return share_; }  // of a budget, that is given away

 private:
  std::array<double, 256> surprises_{};  // by alike: how much longer than expected a first run took
  double credit_ = 0;                    // of frames that let nothing go
  double share_ = 1, last_budget_ = 0;
  bool gambled_ = false;  // the frame before let go what was too long or not known
};

}  // namespace pumice::vk
