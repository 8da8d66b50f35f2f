#include "kv/disk_record.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace pumice {
namespace {

constexpr std::array<char, 8> kHeaderMagic{'P', 'U', 'M', 'I', 'C', 'E', 'R', '1'};
constexpr std::array<char, 8> kCommitMagic{'C', 'O', 'M', 'M', 'I', 'T', 'R', '1'};
constexpr std::array<char, 8> kErasedMagic{'E', 'R', 'A', 'S', 'E', 'D', 'R', '1'};
constexpr std::string_view kSuffix = ".pumicekv";
constexpr size_t kSearchBytes = 64 * 1024;  // read at a time while looking for the next header

static_assert(sizeof(RecordHeader) == 144 && sizeof(RecordCommit) == 48);

Checksum checksum(std::span<const std::byte> data) {
  static constexpr unsigned char kPublicKey[crypto_onetimeauth_KEYBYTES] = {'p', 'u', 'm', 'i', 'c', 'e'};
  // The key's first half must not be zero throughout, or all sums were alike.
  Checksum sum;
  crypto_onetimeauth(reinterpret_cast<unsigned char*>(sum.data()), reinterpret_cast<const unsigned char*>(data.data()),
                     data.size(), kPublicKey);
  return sum;
}

Checksum checksum_of(const RecordHeader& header) {
  return checksum(std::as_bytes(std::span(&header, 1)).first(offsetof(RecordHeader, checksum)));
}

bool is_good(const RecordHeader& header) {
  return header.magic == kHeaderMagic && header.checksum == checksum_of(header);
}

uint64_t commit_offset(uint64_t offset, uint64_t value_bytes) { return value_offset(offset) + value_bytes; }

Result<void> write_at(int file, uint64_t offset, std::span<const std::byte> from) {
  while (!from.empty()) {
    const ssize_t wrote = ::pwrite(file, from.data(), from.size(), static_cast<off_t>(offset));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0)
      return error(Status::kIo, "cache folder: cannot write (%s): make room on the disk", std::strerror(errno));
    from = from.subspan(static_cast<size_t>(wrote));
    offset += static_cast<uint64_t>(wrote);
  }
  return {};
}

template <typename T>
Result<void> read_struct(int file, uint64_t offset, T& to) {
  return read_at(file, offset, std::as_writable_bytes(std::span(&to, 1)));
}

// Where the next good header begins, from `from` on; `end` if there is none.
Result<uint64_t> find_header(int file, uint64_t from, uint64_t end) {
  std::vector<std::byte> window(kSearchBytes + sizeof(RecordHeader));
  for (uint64_t start = from; start < end; start += kSearchBytes) {
    const size_t size = static_cast<size_t>(std::min<uint64_t>(window.size(), end - start));
    PUMICE_TRY(read_at(file, start, std::span(window).first(size)));
    for (size_t at = 0; at < kSearchBytes && at + sizeof(RecordHeader) <= size; at += kRecordAlignment) {
      RecordHeader header;
      std::memcpy(&header, window.data() + at, sizeof header);
      if (is_good(header)) return start + at;
    }
  }
  return end;
}

Result<RecordState> check_record(int file, FoundRecord& record, uint64_t end, bool check_value) {
  const RecordHeader& header = record.header;
  const uint64_t room = end - record.offset;
  if (room < sizeof(RecordHeader) + sizeof(RecordCommit) ||
      header.value_bytes > room - sizeof(RecordHeader) - sizeof(RecordCommit))
    return RecordState::kDamaged;
  RecordCommit commit;
  PUMICE_TRY(read_struct(file, commit_offset(record.offset, header.value_bytes), commit));
  record.uses = commit.uses;
  if (commit.header != header.checksum) return RecordState::kDamaged;
  if (commit.magic == kErasedMagic) return RecordState::kErased;
  if (commit.magic != kCommitMagic) return RecordState::kDamaged;
  if (!check_value) return RecordState::kWhole;
  std::vector<std::byte> value(header.value_bytes);
  PUMICE_TRY(read_at(file, value_offset(record.offset), value));
  return checksum(value) == commit.value ? RecordState::kWhole : RecordState::kDamaged;
}

}  // namespace

RecordHeader make_header(const PageKey& key, uint64_t value_bytes, std::string_view name_space, uint64_t epoch,
                         uint64_t written_at) {
  RecordHeader header{
      .magic = kHeaderMagic, .value_bytes = value_bytes, .key = key, .epoch = epoch, .written_at = written_at};
  std::copy_n(name_space.begin(), std::min(name_space.size(), kNameSpaceBytes), header.name_space.begin());
  header.checksum = checksum_of(header);
  return header;
}

RecordCommit make_commit(const RecordHeader& header, std::span<const std::byte> value) {
  return {.magic = kCommitMagic, .header = header.checksum, .value = checksum(value)};
}

std::string_view name_space_of(const RecordHeader& header) {
  const auto end = std::find(header.name_space.begin(), header.name_space.end(), '\0');
  return {header.name_space.data(), static_cast<size_t>(end - header.name_space.begin())};
}

Result<void> write_record(int file, uint64_t offset, const RecordHeader& header, std::span<const std::byte> value) {
  const RecordCommit commit = make_commit(header, value);
  PUMICE_TRY(write_at(file, offset, std::as_bytes(std::span(&header, 1))));
  PUMICE_TRY(write_at(file, value_offset(offset), value));
  return write_at(file, commit_offset(offset, value.size()), std::as_bytes(std::span(&commit, 1)));
}

Result<void> erase_record(int file, uint64_t offset, uint64_t value_bytes) {
  return write_at(file, commit_offset(offset, value_bytes), std::as_bytes(std::span(kErasedMagic)));
}

Result<void> write_uses(int file, uint64_t offset, uint64_t value_bytes, uint64_t uses) {
  return write_at(file, commit_offset(offset, value_bytes) + offsetof(RecordCommit, uses),
                  std::as_bytes(std::span(&uses, 1)));
}

Result<SegmentScan> scan_segment(int file, bool check_values, const std::function<void(const FoundRecord&)>& found) {
  struct stat status;
  if (::fstat(file, &status) != 0) return error(Status::kIo, "cache folder: cannot read: %s", std::strerror(errno));
  SegmentScan scan{.bytes = static_cast<uint64_t>(status.st_size)};
  for (uint64_t offset = 0; offset < scan.bytes;) {
    FoundRecord record{.offset = offset};
    bool good = scan.bytes - offset >= sizeof(RecordHeader);
    if (good) {
      PUMICE_TRY(read_struct(file, offset, record.header));
      good = is_good(record.header);
    }
    if (good) {
      PUMICE_ASSIGN(record.state, check_record(file, record, scan.bytes, check_values));
      if (record.state == RecordState::kDamaged) scan.clean = false;
      found(record);
      // A damaged value says nothing against the lengths; a missing commit does.
      const bool torn = record.state == RecordState::kDamaged && record.header.value_bytes >= scan.bytes - offset;
      if (!torn) {
        offset += record_bytes(record.header.value_bytes);
        continue;
      }
    } else {
      ++scan.damaged_places;
      scan.clean = false;
    }
    PUMICE_ASSIGN(offset, find_header(file, offset + kRecordAlignment, scan.bytes));
  }
  return scan;
}

Result<void> read_at(int file, uint64_t offset, std::span<std::byte> to) {
  while (!to.empty()) {
    const ssize_t got = ::pread(file, to.data(), to.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return error(Status::kIo, "cache folder: cannot read: %s", std::strerror(errno));
    if (got == 0) return error(Status::kIo, "cache folder: a file has been cut short");
    to = to.subspan(static_cast<size_t>(got));
    offset += static_cast<uint64_t>(got);
  }
  return {};
}

Result<std::vector<SegmentName>> list_segments(const std::string& folder) {
  std::vector<SegmentName> segments;
  std::error_code problem;
  for (std::filesystem::directory_iterator entry(folder, problem), end; !problem && entry != end;
       entry.increment(problem)) {
    const std::string name = entry->path().filename().string();
    const std::string_view stem = std::string_view(name).substr(0, name.size() - std::min(name.size(), kSuffix.size()));
    uint64_t number = 0;
    const auto [last, bad] = std::from_chars(stem.data(), stem.data() + stem.size(), number);
    std::error_code ignored;
    if (bad == std::errc() && last == stem.data() + stem.size() && entry->path() == segment_path(folder, number) &&
        entry->is_regular_file(ignored))
      segments.push_back({number, entry->path().string()});
  }
  if (problem == std::errc::no_such_file_or_directory)
    return error(Status::kNotFound, "%s: there is no such folder", folder.c_str());
  if (problem) return error(Status::kIo, "%s: cannot be read: %s", folder.c_str(), problem.message().c_str());
  std::ranges::sort(segments, {}, &SegmentName::number);
  return segments;
}

std::string segment_path(const std::string& folder, uint64_t number) {
  char name[40];
  std::snprintf(name, sizeof name, "%08llu", static_cast<unsigned long long>(number));
  return (std::filesystem::path(folder) / (name + std::string(kSuffix))).string();
}

}  // namespace pumice
