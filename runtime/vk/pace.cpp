#include "vk/pace.h"

#include <algorithm>

namespace pumice::vk {
namespace {

// Balanced where one in fifty is above: 0.26 up, 0.005 down.
constexpr double kRise = 1.3, kFall = 0.995, kRoom = 1.05;
constexpr uint32_t kFew = 8;  // measurements, of which one alone tells little
constexpr uint32_t kMany = 16;  // that were all low
constexpr double kFastFall = 0.8;

}  // namespace

void HighTime::measured(double now) {
  count = std::min(count + 1, 1'000'000u);
  low = 2 * now < microseconds ? low + 1 : 0;
  if (microseconds <= 0)
    microseconds = now;
  else if (now > microseconds)
    microseconds = std::min(kRoom * now, microseconds * (count <= kFew ? 2 : kRise));
  else
    microseconds = std::max(now, microseconds * std::min(low > kMany ? kFastFall : kFall, 1 - 1.0 / count));
}

void ChunkTime::expect(double microseconds) {
  time = {.microseconds = microseconds, .count = microseconds > 0 ? kFew : 0};
  runs = 0;
}

void ChunkTime::measured(double now) {
  time.measured(now);
  last = now;
  ++runs;
}

void ChunkQueue::reserve(size_t more) {
  if (items_.size() + more > items_.capacity() && head_ > 0) {
    items_.erase(items_.begin(), items_.begin() + static_cast<ptrdiff_t>(head_));
    head_ = 0;
  }
  if (items_.size() + more > items_.capacity()) items_.reserve(2 * (items_.size() + more));
}

void ChunkQueue::pop() {
  if (++head_ == items_.size()) clear();
}

void Pace::frame_begins(double budget, double finished) {
  constexpr double kLess = 0.93, kMore = 1.0003, kLeast = 0.5;  // balanced where 0.4 % of the frames take too long
  if (finished > last_budget_ && !gambled_) share_ = std::max(kLeast, share_ * kLess);
  if (finished > 0 && finished <= last_budget_) share_ = std::min(1.0, share_ * kMore);
  credit_ += budget;
  last_budget_ = budget;
  gambled_ = false;
}

void Pace::finished(ChunkTime& time, double took) {
  constexpr double kMost = 4;
  if (time.runs == 0 && time.known()) {
    double& surprise = surprises_[time.alike];
    const double now = took / time.time.microseconds;
    surprise = now > surprise ? std::min(now, kMost) : (surprise + now) / 2;
  }
  time.measured(took);
}

// What its like have taken longer makes it go alone, where it fits at all.
double Pace::expected(const ChunkTime& time) const {
  const double plain = time.time.microseconds;
  if (time.runs > 0) return plain;
  return std::min(plain * std::max(surprises_[time.alike], 1.0), std::max(plain, share_ * last_budget_));
}

bool Pace::lets_go(const Chunk& chunk, double running, double budget) {
  if (!chunk.time) return true;
  if (budget <= 0) return false;
  const double wanted = expected(*chunk.time);
  const bool fits = chunk.time->known() ? running + wanted <= share_ * budget : running == 0;
  const bool paid = running == 0 && credit_ >= wanted;
  if (!fits && !paid) return false;
  gambled_ = gambled_ || !fits || !chunk.time->known();
  credit_ = 0;
  return true;
}

}  // namespace pumice::vk
