// DiskTier: values in the segment files of a folder (disk_record.h), with an index in memory.
//
// The index is built anew at the start from the headers, in milliseconds for thousands of pages. When the folder is
// full the oldest segment goes; of its values those that were read since they were written move to the newest segment.
// Files are readable by their owner alone. Values of other namespaces and epochs in the folder are not seen, but grow
// old like all others. Nothing is synced: what a killed process wrote stays, and after a power cut what did not reach
// the disk is no record or does not verify, which costs a computation and no more. A write that fails (a full disk) is
// taken back, and after some in a row none is tried for a while. Thread rule: as Tier's. Reads go on during a write.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "kv/tiers/circuit_breaker.h"
#include "kv/tiers/disk_record.h"
#include "kv/tiers/folder_lock.h"
#include "kv/tiers/tier_problem.h"

namespace pumice {

struct DiskTierOptions {
  std::string folder;  // made, with its parents, when it does not exist
  uint64_t limit_bytes = 0;
  std::string name_space;  // kNameSpaceBytes at most
  uint64_t epoch = 0;
  uint64_t max_value_bytes = UINT64_MAX;  // larger ones in the folder are none of ours
  Log log;
};

// A DiskTier. Status::kUnsupported also where the build has none.
Result<std::unique_ptr<Tier>> open_disk_tier(const DiskTierOptions& options);

class DiskTier final : public Tier {
 public:
  // Status::kUnsupported when another process uses the folder.
  static Result<std::unique_ptr<DiskTier>> create(const DiskTierOptions& options);

  TierKind kind() const override { return TierKind::kDisk; }
  bool may_contain(const PageKey& key) const override;
  Result<bool> read(const PageKey& key, std::vector<std::byte>& value, Deadline deadline) override;
  // A value larger than a quarter of the limit is not kept.
  Result<void> write(const PageKey& key, std::span<const std::byte> value) override;
  void erase(const PageKey& key) override;
  Result<void> clear() override;
  TierStats stats() const override;
  std::string last_failure() const override { return problem_.last(); }

 private:
  struct Segment {
    uint64_t number = 0;
    File file;
    uint64_t bytes = 0;  // changed under both mutexes
  };
  using SegmentRef = std::shared_ptr<Segment>;  // a read keeps its file open while the segment goes
  struct Entry {
    SegmentRef segment;
    uint64_t offset = 0, value_bytes = 0, uses = 0;
    uint64_t uses_when_written = 0;
  };

  explicit DiskTier(const DiskTierOptions& options);
  Result<void> load();
  Result<void> write_now(const PageKey& key, std::span<const std::byte> value);
  Result<void> load_segment(const SegmentName& name);
  Result<void> open_head();
  void make_room(uint64_t bytes);
  Result<void> choose_head(uint64_t bytes);
  void recycle_oldest();
  void move_values(const SegmentRef& from, const std::vector<std::pair<PageKey, Entry>>& values);
  Result<void> append(const PageKey& key, std::span<const std::byte> value, uint64_t uses);
  void unlink_segment(const SegmentRef& segment);
  void forget(const SegmentRef& segment);
  Result<std::vector<std::byte>> read_value(const Entry& entry) const;

  const DiskTierOptions options_;
  const uint64_t segment_bytes_;  // from where on a new one is begun
  FolderLock lock_;
  std::mutex write_mutex_;  // one change of files at a time; taken before mutex_
  SegmentRef head_;         // null: the next write begins one; with write_mutex_
  uint64_t next_number_ = 1;
  mutable std::mutex mutex_;  // guards what follows
  std::map<uint64_t, SegmentRef> segments_;
  std::unordered_map<PageKey, Entry, PageKeyHash> index_;
  TierStats stats_;
  CircuitBreaker writing_;
  TierProblem problem_;
};

}  // namespace pumice
