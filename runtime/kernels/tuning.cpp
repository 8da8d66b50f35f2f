#include "kernels/tuning.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <mutex>
#include <type_traits>

namespace pumice {
namespace {

struct StoredEntry {
  TuningKey key;
  TuningEntry entry;
};
static_assert(std::is_trivially_copyable_v<StoredEntry>);
static_assert(sizeof(TuningKey) == 6 * sizeof(uint32_t) && sizeof(TuningEntry) == 24, "no padding in the file");

bool plausible(const StoredEntry& stored) {
  return stored.entry.count > 0 && stored.entry.candidate < stored.entry.count &&
         std::isfinite(stored.entry.microseconds) && std::isfinite(stored.entry.choice_microseconds) &&
         !(stored.entry.candidate < 64 && (stored.entry.excluded >> stored.entry.candidate & 1) &&
           stored.entry.candidate != 0);
}

}  // namespace

uint32_t tuning_bucket(uint32_t n) { return n <= 8 ? n : std::min(512u, std::bit_ceil(n)); }

uint32_t Tuning::pick(const TuningKey& key, uint32_t count) const {
  const std::optional<TuningEntry> entry = find(key);
  return entry && entry->count == count && entry->candidate < count ? entry->candidate : 0;
}

std::optional<TuningEntry> Tuning::find(const TuningKey& key) const {
  std::shared_lock lock(mutex_);
  const auto found = entries_.find(key);
  return found == entries_.end() ? std::nullopt : std::optional(found->second);
}

void Tuning::set(const TuningKey& key, const TuningEntry& entry) {
  std::lock_guard lock(mutex_);
  entries_[key] = entry;
}

size_t Tuning::size() const {
  std::shared_lock lock(mutex_);
  return entries_.size();
}

void Tuning::clear() {
  std::lock_guard lock(mutex_);
  entries_.clear();
}

std::map<TuningKey, TuningEntry> Tuning::entries() const {
  std::shared_lock lock(mutex_);
  return entries_;
}

std::vector<std::byte> Tuning::encode() const {
  std::shared_lock lock(mutex_);
  std::vector<std::byte> bytes;
  for (const auto& [key, entry] : entries_) {
    const StoredEntry stored{key, entry};
    const auto part = std::as_bytes(std::span(&stored, 1));
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  return bytes;
}

bool Tuning::decode(std::span<const std::byte> bytes) {
  if (bytes.size() % sizeof(StoredEntry) != 0) return false;
  std::map<TuningKey, TuningEntry> read;
  for (size_t at = 0; at < bytes.size(); at += sizeof(StoredEntry)) {
    StoredEntry stored;
    std::memcpy(&stored, bytes.data() + at, sizeof stored);
    if (!plausible(stored)) return false;
    read[stored.key] = stored.entry;
  }
  std::lock_guard lock(mutex_);
  entries_ = std::move(read);
  return true;
}

}  // namespace pumice
