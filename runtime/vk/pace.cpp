#include "vk/pace.h"

namespace pumice::vk {

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

bool Pace::lets_go(const Chunk& chunk, double running, double budget) {
  if (!chunk.time) return true;
  const double wanted = chunk.time->microseconds > 0 ? chunk.time->microseconds : budget;
  const bool fits = budget > 0 && running + wanted <= budget;
  const bool paid = running == 0 && budget > 0 && credit_ >= wanted;
  if (fits || paid) credit_ = 0;
  return fits || paid;
}

}  // namespace pumice::vk
