// Tier: a place slower than device memory where pages lie as opaque values under their keys.
//
// What a value holds, and whether it is genuine, is the page codec's matter (page_codec.h): a tier may lose values at
// any time, and may return anything at all, without harm. A value becomes visible only when it is whole. Host RAM is
// within the process and needs none of this: ram_tier.h. Thread rule: any thread; threads that write should have
// signals blocked, as a Worker's have (SIGXFSZ would end the process where a file may grow no more).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "kv/index/page_key.h"

namespace pumice {

enum class TierKind : uint32_t { kRam = 0, kDisk = 1, kRedis = 2 };
constexpr size_t kTierKinds = 3;
const char* tier_name(TierKind kind);  // "ram", "disk", "redis"

struct TierStats {
  uint64_t values = 0, bytes = 0, limit_bytes = 0;  // values and bytes: 0 where the tier cannot tell
  uint64_t reads = 0, read_bytes = 0, hits = 0, misses = 0;
  uint64_t writes = 0, written_bytes = 0, evictions = 0;
  uint64_t failures = 0;  // of the tier itself: I/O errors, time-outs, a server that is away
  double seconds_reading = 0, seconds_writing = 0;
};

class Tier {
 public:
  using Deadline = std::chrono::steady_clock::time_point;
  // Takes the value of keys[index], or nullopt where there is none; false: no more are wanted.
  using Sink = std::function<bool(size_t index, std::optional<std::vector<std::byte>> value)>;

  virtual ~Tier() = default;
  virtual TierKind kind() const = 0;
  // From memory alone, at once; may be wrong either way. A tier that cannot tell says true while it works.
  virtual bool may_contain(const PageKey& key) const = 0;
  // true: `value` is what was found; false: not there. Gives up at the deadline with Status::kTimeout.
  virtual Result<bool> read(const PageKey& key, std::vector<std::byte>& value, Deadline deadline) = 0;
  // Reads values in their order, many at once where the tier can, until the sink has enough. An error ends it, too.
  virtual Result<void> read_run(std::span<const PageKey> keys, const Sink& sink, Deadline deadline);
  // Makes room by dropping other values. Status::kIo when it cannot be kept; prior values stay.
  virtual Result<void> write(const PageKey& key, std::span<const std::byte> value) = 0;
  virtual void erase(const PageKey& key) = 0;
  virtual Result<void> clear() = 0;
  virtual TierStats stats() const = 0;
  virtual std::string last_failure() const = 0;  // empty: none
};

}  // namespace pumice
