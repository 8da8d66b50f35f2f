#include "kv/tiers/ram_tier.h"

#include <algorithm>

namespace pumice {
namespace {

// What the maps and lists take beside the page's data.
constexpr uint64_t kOverhead = 256;

uint64_t bytes_of(const LoadedPage& page) {
  return page.payload.size() + page.tokens.size() * sizeof(int32_t) + kOverhead;
}

}  // namespace

bool RamTier::may_contain(const PageKey& key) const {
  std::lock_guard lock(mutex_);
  return index_.contains(key);
}

SharedPage RamTier::find(const PageKey& key) const {
  std::lock_guard lock(mutex_);
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : *found->second;
}

SharedPage RamTier::read(const WantedPage& wanted) {
  std::lock_guard lock(mutex_);
  ++stats_.reads;
  const auto found = index_.find(wanted.key);
  if (found == index_.end() || (*found->second)->parent != wanted.parent ||
      !std::ranges::equal((*found->second)->tokens, wanted.tokens)) {
    ++stats_.misses;
    return nullptr;
  }
  order_.splice(order_.begin(), order_, found->second);
  ++stats_.hits;
  stats_.read_bytes += order_.front()->payload.size();
  return order_.front();
}

void RamTier::write(SharedPage page) {
  const uint64_t bytes = bytes_of(*page);
  Order made, given_up;  // given up are freed outside the lock
  made.push_front(std::move(page));
  std::lock_guard lock(mutex_);
  if (bytes > stats_.limit_bytes) return;
  const auto drop = [&](Order::iterator node) {
    stats_.bytes -= bytes_of(**node);
    index_.erase((*node)->key);
    given_up.splice(given_up.begin(), order_, node);
  };
  const PageKey& key = made.front()->key;
  if (const auto found = index_.find(key); found != index_.end()) drop(found->second);
  while (stats_.bytes + bytes > stats_.limit_bytes) {
    drop(std::prev(order_.end()));
    ++stats_.evictions;
  }
  index_.emplace(key, made.begin());
  order_.splice(order_.begin(), made);
  stats_.bytes += bytes;
  ++stats_.writes;
  stats_.written_bytes += order_.front()->payload.size();
}

void RamTier::clear() {
  Order given_up;
  std::lock_guard lock(mutex_);
  given_up.swap(order_);
  index_.clear();
  stats_.bytes = 0;
}

TierStats RamTier::stats() const {
  std::lock_guard lock(mutex_);
  TierStats stats = stats_;
  stats.values = order_.size();
  return stats;
}

}  // namespace pumice
