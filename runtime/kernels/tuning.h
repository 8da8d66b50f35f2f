// Tuning: which candidate of a kernel's variants to record for which shape, as measured on this device.
//
// A kernel K that can be tuned has K_candidates(caps, shape): the kernel's own choice first, then others. Its wrapper
// records candidates[pick_candidate(recorder, key, candidates.size())].
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <shared_mutex>
#include <span>
#include <vector>

namespace pumice {

enum class TunedKernel : uint32_t { kMatvec = 0, kMatmul = 1, kAttention = 2 };

// What a measurement holds for. Fields that a kernel has no use for are 0.
struct TuningKey {
  TunedKernel kernel = TunedKernel::kMatvec;
  uint32_t type = 0;  // of the weights, or of the KV cache
  uint32_t rows = 0, cols = 0;
  uint32_t n = 1;      // tuning_bucket() of the rows of x
  uint32_t flags = 0;  // the kernel's own, where they change what is fast
  auto operator<=>(const TuningKey&) const = default;
};

// 1 to 8 as they are, then powers of two up to 512.
uint32_t tuning_bucket(uint32_t n);

struct TuningEntry {
  uint32_t candidate = 0, count = 0;  // count: the candidates there were; with another count the entry does not hold
  uint64_t excluded = 0;              // bit i: candidate i does not compile, is wrong or lost the device
  float microseconds = 0;             // of one operation with the candidate
  float choice_microseconds = 0;      // with the kernel's own choice; 0: excluded
};

// Thread-safe; not movable.
class Tuning {
 public:
  // Below count; 0, the kernel's own choice, where nothing was measured.
  uint32_t pick(const TuningKey& key, uint32_t count) const;
  std::optional<TuningEntry> find(const TuningKey& key) const;
  void set(const TuningKey& key, const TuningEntry& entry);
  size_t size() const;
  void clear();
  std::map<TuningKey, TuningEntry> entries() const;

  // As bytes for a file of vk/device_file.h. decode() takes all or nothing; false: not what encode() made.
  std::vector<std::byte> encode() const;
  bool decode(std::span<const std::byte> bytes);

 private:
  mutable std::shared_mutex mutex_;
  std::map<TuningKey, TuningEntry> entries_;
};

}  // namespace pumice
