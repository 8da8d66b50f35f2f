#include "kv/disk_tier.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <system_error>

namespace pumice {
namespace {

using Clock = std::chrono::steady_clock;

// A segment is an eighth of the limit, but not so large that giving one up costs much, nor are there so many that their
// open files were.
constexpr uint64_t kSegmentsOfLimit = 8, kMostSegments = 256;
constexpr uint64_t kSmallestSegment = 64u << 10, kLargeSegment = 256u << 20;
constexpr uint64_t kLargestValueShare = 4;  // of the limit

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

DiskTier::Segment::~Segment() {
  if (file >= 0) ::close(file);
}

DiskTier::DiskTier(const DiskTierOptions& options)
    : options_(options),
      segment_bytes_(std::clamp(options.limit_bytes / kSegmentsOfLimit, kSmallestSegment,
                                std::max(kLargeSegment, options.limit_bytes / kMostSegments))) {
  stats_.limit_bytes = options.limit_bytes;
}

Result<std::unique_ptr<DiskTier>> DiskTier::create(const DiskTierOptions& options) {
  if (options.name_space.size() > kNameSpaceBytes)
    return error(Status::kInvalidArgument, "the cache's namespace is longer than %zu bytes: shorten it",
                 kNameSpaceBytes);
  std::error_code problem;
  if (std::filesystem::create_directories(options.folder, problem))
    std::filesystem::permissions(options.folder, std::filesystem::perms::owner_all, problem);
  if (problem)
    return error(Status::kIo, "%s: the cache folder cannot be made (%s): choose another", options.folder.c_str(),
                 problem.message().c_str());
  std::unique_ptr<DiskTier> tier(new DiskTier(options));
  PUMICE_ASSIGN(tier->lock_, FolderLock::acquire(options.folder));
  PUMICE_TRY(tier->load());
  return tier;
}

Result<void> DiskTier::load() {
  PUMICE_ASSIGN(const std::vector<SegmentName> names, list_segments(options_.folder));
  for (const SegmentName& name : names) {
    next_number_ = name.number + 1;
    // One that cannot be read is left alone: what it holds is only a cache.
    if (!load_segment(name)) ++stats_.failures;
  }
  if (stats_.bytes > stats_.limit_bytes) head_ = nullptr;
  while (stats_.bytes > stats_.limit_bytes && !segments_.empty()) recycle_oldest();
  return {};
}

Result<void> DiskTier::load_segment(const SegmentName& name) {
  auto segment = std::make_shared<Segment>();
  segment->number = name.number;
  segment->file = ::open(name.path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (segment->file < 0) return error(Status::kIo, "%s: %s", name.path.c_str(), std::strerror(errno));
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
  PUMICE_TRY(read_at(entry.segment->file, value_offset(entry.offset), value));
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
  std::lock_guard writing(write_mutex_);
  Result<void> written;
  if (const uint64_t bytes = record_bytes(value.size()); bytes > options_.limit_bytes / kLargestValueShare) {
    written = error(Status::kIo, "cache folder: a value of %zu bytes is too large for a limit of %llu: raise it",
                    value.size(), static_cast<unsigned long long>(options_.limit_bytes));
  } else {
    make_room(bytes);
    written = choose_head(bytes);
    if (written) written = append(key, value, 0);
  }
  std::lock_guard lock(mutex_);
  stats_.seconds_writing += seconds_since(start);
  if (!written) {
    ++stats_.failures;
    return written;
  }
  ++stats_.writes;
  stats_.written_bytes += value.size();
  return {};
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
  const std::string path = segment_path(options_.folder, segment->number);
  segment->file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (segment->file < 0)
    return error(Status::kIo, "%s: cannot be made (%s): make room on the disk", path.c_str(), std::strerror(errno));
  head_ = segment;
  std::lock_guard lock(mutex_);
  segments_.emplace(segment->number, std::move(segment));
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
  // Half of it at most, so that room is always gained.
  uint64_t moved = 0;
  for (const auto& [key, entry] : hot) {
    const uint64_t bytes = record_bytes(entry.value_bytes);
    moved += bytes;
    if (moved > oldest->bytes / 2 || !choose_head(bytes)) break;
    const Result<std::vector<std::byte>> value = read_value(entry);
    if (!value || !append(key, *value, entry.uses)) break;
  }
  forget(oldest);
}

void DiskTier::unlink_segment(const SegmentRef& segment) {
  std::error_code ignored;
  std::filesystem::remove(segment_path(options_.folder, segment->number), ignored);
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
    if (::ftruncate(head_->file, static_cast<off_t>(head_->bytes)) != 0) head_ = nullptr;
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
