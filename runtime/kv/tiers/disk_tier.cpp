#include "kv/tiers/disk_tier.h"

#include <algorithm>
#include <ctime>
#include <new>

#include "base/clock.h"

namespace pumice {
namespace {

using Clock = std::chrono::steady_clock;

// A segment is an eighth of the limit, but not so large that giving one up costs much, nor are there so many that their
// open files were.
constexpr uint64_t kSegmentsOfLimit = 8, kMostSegments = 256;
constexpr uint64_t kSmallestSegment = 64u << 10, kLargeSegment = 256u << 20;
constexpr uint64_t kLargestValueShare = 4;  // of the limit

}  // namespace

DiskTier::DiskTier(const DiskTierOptions& options)
    : options_(options),
      segment_bytes_(std::clamp(options.limit_bytes / kSegmentsOfLimit, kSmallestSegment,
                                std::max(kLargeSegment, options.limit_bytes / kMostSegments))),
      problem_(TierKind::kDisk, options.log) {
  stats_.limit_bytes = options.limit_bytes;
}

Result<std::unique_ptr<DiskTier>> DiskTier::create(const DiskTierOptions& options) {
  if (options.name_space.size() > kNameSpaceBytes)
    return error(Status::kInvalidArgument, "the cache's namespace is longer than %zu bytes: shorten it",
                 kNameSpaceBytes);
  PUMICE_TRY(make_folders(options.folder));
  std::unique_ptr<DiskTier> tier(new DiskTier(options));
  PUMICE_ASSIGN(tier->lock_, FolderLock::acquire(options.folder));
  PUMICE_TRY(tier->load());
  return tier;
}

Result<std::unique_ptr<Tier>> open_disk_tier(const DiskTierOptions& options) {
  PUMICE_ASSIGN(std::unique_ptr<DiskTier> tier, DiskTier::create(options));
  return std::unique_ptr<Tier>(std::move(tier));
}

Result<void> DiskTier::load() {
  PUMICE_ASSIGN(const std::vector<SegmentName> names, list_segments(options_.folder));
  for (size_t i = 0; i < names.size(); ++i) {
    next_number_ = names[i].number + 1;
    if (names.size() - i > 2 * kMostSegments) {  // each would be an open file of the host program
      static_cast<void>(remove_file(names[i].path));
      continue;
    }
    // One that cannot be read is left alone: what it holds is only a cache.
    if (const Result<void> loaded = load_segment(names[i]); !loaded) {
      ++stats_.failures;
      problem_.note(loaded.error());
    }
  }
  if (stats_.bytes > stats_.limit_bytes) head_ = nullptr;
  while (stats_.bytes > stats_.limit_bytes && !segments_.empty()) recycle_oldest();
  return {};
}

Result<void> DiskTier::load_segment(const SegmentName& name) {
  auto segment = std::make_shared<Segment>();
  segment->number = name.number;
  PUMICE_ASSIGN(segment->file, File::open(name.path, FileAccess::kUpdate, Links::kRefuse));
  PUMICE_ASSIGN(const SegmentScan scan, scan_segment(segment->file, false, [&](const FoundRecord& record) {
                  if (record.state != RecordState::kWhole || record.header.epoch != options_.epoch ||
                      record.header.value_bytes > options_.max_value_bytes ||
                      name_space_of(record.header) != options_.name_space)
                    return;
                  index_[record.header.key] = {.segment = segment,
                                               .offset = record.offset,
                                               .value_bytes = record.header.value_bytes,
                                               .uses = record.uses,
                                               .uses_when_written = record.uses};
                }));
  segment->bytes = scan.bytes;
  stats_.bytes += scan.bytes;
  head_ = scan.clean ? segment : nullptr;
  segments_.emplace(segment->number, std::move(segment));
  return {};
}

bool DiskTier::may_contain(const PageKey& key) const {
  std::lock_guard lock(mutex_);
  return index_.contains(key);
}

Result<std::vector<std::byte>> DiskTier::read_value(const Entry& entry) const {
  std::vector<std::byte> value(entry.value_bytes);
  PUMICE_TRY(entry.segment->file.read_at(value_offset(entry.offset), value));
  return value;
}

Result<bool> DiskTier::read(const PageKey& key, std::vector<std::byte>& value, Deadline deadline) {
  const auto start = Clock::now();
  if (start >= deadline) return error(Status::kTimeout, "cache folder: no time left to read");
  Entry entry;
  {
    std::lock_guard lock(mutex_);
    ++stats_.reads;
    const auto found = index_.find(key);
    if (found == index_.end()) {
      ++stats_.misses;
      return false;
    }
    ++found->second.uses;
    entry = found->second;
  }
  Result<std::vector<std::byte>> got = read_value(entry);
  if (got) static_cast<void>(write_uses(entry.segment->file, entry.offset, entry.value_bytes, entry.uses));
  if (!got) problem_.note(got.error());
  std::lock_guard lock(mutex_);
  stats_.seconds_reading += seconds_since(start);
  if (!got) {
    ++stats_.failures;
    index_.erase(key);
    return std::move(got).error();
  }
  ++stats_.hits;
  stats_.read_bytes += got->size();
  value = std::move(got).value();
  return true;
}

Result<void> DiskTier::write(const PageKey& key, std::span<const std::byte> value) {
  const auto start = Clock::now();
  if (!writing_.allow(start)) return error(Status::kIo, "cache folder: not tried again so soon after failures");
  CircuitBreaker::Attempt trial(writing_);
  const Result<void> written = write_now(key, value);
  {
    std::lock_guard lock(mutex_);
    stats_.seconds_writing += seconds_since(start);
    ++(written ? stats_.writes : stats_.failures);
    if (written) stats_.written_bytes += value.size();
  }
  if (written) {
    trial.succeeded();
  } else {
    trial.failed(Clock::now());
    problem_.note(written.error());
  }
  return written;
}

Result<void> DiskTier::write_now(const PageKey& key, std::span<const std::byte> value) {
  const uint64_t bytes = record_bytes(value.size());
  if (bytes > options_.limit_bytes / kLargestValueShare)
    return error(Status::kIo, "cache folder: a value of %zu bytes is too large for a limit of %llu: raise it",
                 value.size(), static_cast<unsigned long long>(options_.limit_bytes));
  std::lock_guard writing(write_mutex_);
  make_room(bytes);
  PUMICE_TRY(choose_head(bytes));
  return append(key, value, 0);
}

// Gives up old segments until `bytes` more are within the limit. With write_mutex_.
void DiskTier::make_room(uint64_t bytes) {
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      if (segments_.empty() || stats_.bytes + bytes <= stats_.limit_bytes) return;
      if (head_ == segments_.begin()->second) head_ = nullptr;  // it is the only one
    }
    recycle_oldest();
  }
}

// Begins a new segment when the head has no room for `bytes` more. With write_mutex_.
Result<void> DiskTier::choose_head(uint64_t bytes) {
  if (head_ && (head_->bytes == 0 || head_->bytes + bytes <= segment_bytes_)) return {};
  return open_head();
}

Result<void> DiskTier::open_head() {
  auto segment = std::make_shared<Segment>();
  segment->number = next_number_++;
  PUMICE_ASSIGN(segment->file, File::open(segment_path(options_.folder, segment->number), FileAccess::kCreate));
  std::lock_guard lock(mutex_);
  segments_.emplace(segment->number, segment);
  head_ = std::move(segment);
  return {};
}

// Gives up the oldest segment but for values that were read since they were written. With write_mutex_, and never the
// head.
void DiskTier::recycle_oldest() {
  SegmentRef oldest;
  std::vector<std::pair<PageKey, Entry>> hot;
  {
    std::lock_guard lock(mutex_);
    oldest = segments_.begin()->second;
    for (const auto& [key, entry] : index_) {
      if (entry.segment == oldest && entry.uses > entry.uses_when_written) hot.emplace_back(key, entry);
    }
  }
  std::ranges::sort(hot, std::greater(), [](const auto& item) { return item.second.uses; });
  unlink_segment(oldest);  // what is moved is read through the open file
  try {
    move_values(oldest, hot);
  } catch (const std::bad_alloc&) {  // fewer are moved
  }
  forget(oldest);
}

// Half of the segment at most, so that room is always gained.
void DiskTier::move_values(const SegmentRef& from, const std::vector<std::pair<PageKey, Entry>>& values) {
  uint64_t moved = 0;
  for (const auto& [key, entry] : values) {
    const uint64_t bytes = record_bytes(entry.value_bytes);
    moved += bytes;
    if (moved > from->bytes / 2 || !choose_head(bytes)) break;
    const Result<std::vector<std::byte>> value = read_value(entry);
    if (!value || !append(key, *value, entry.uses)) break;
  }
}

void DiskTier::unlink_segment(const SegmentRef& segment) {
  static_cast<void>(remove_file(segment_path(options_.folder, segment->number)));
  std::lock_guard lock(mutex_);
  stats_.bytes -= segment->bytes;
  segments_.erase(segment->number);
}

void DiskTier::forget(const SegmentRef& segment) {
  std::lock_guard lock(mutex_);
  stats_.evictions += std::erase_if(index_, [&](const auto& item) { return item.second.segment == segment; });
}

// With write_mutex_ and a head. A failed write is cut off again; where even that fails the head is left behind.
Result<void> DiskTier::append(const PageKey& key, std::span<const std::byte> value, uint64_t uses) {
  const uint64_t offset = align_record(head_->bytes);
  const RecordHeader header =
      make_header(key, value.size(), options_.name_space, options_.epoch, static_cast<uint64_t>(std::time(nullptr)));
  Result<void> written = write_record(head_->file, offset, header, value);
  if (written && uses) written = write_uses(head_->file, offset, value.size(), uses);
  const uint64_t end = record_end(offset, value.size());
  if (!written) {
    if (!head_->file.truncate(head_->bytes)) head_ = nullptr;
    return written;
  }
  std::lock_guard lock(mutex_);
  stats_.bytes += end - head_->bytes;
  head_->bytes = end;
  index_[key] = {
      .segment = head_, .offset = offset, .value_bytes = value.size(), .uses = uses, .uses_when_written = uses};
  return {};
}

void DiskTier::erase(const PageKey& key) {
  std::lock_guard writing(write_mutex_);
  Entry entry;
  {
    std::lock_guard lock(mutex_);
    const auto found = index_.find(key);
    if (found == index_.end()) return;
    entry = found->second;
    index_.erase(found);
  }
  static_cast<void>(erase_record(entry.segment->file, entry.offset, entry.value_bytes));
}

Result<void> DiskTier::clear() {
  std::lock_guard writing(write_mutex_);
  head_ = nullptr;
  for (;;) {
    SegmentRef segment;
    {
      std::lock_guard lock(mutex_);
      if (segments_.empty()) return {};
      segment = segments_.begin()->second;
    }
    unlink_segment(segment);
    forget(segment);
  }
}

TierStats DiskTier::stats() const {
  std::lock_guard lock(mutex_);
  TierStats stats = stats_;
  stats.values = index_.size();
  return stats;
}

}  // namespace pumice
