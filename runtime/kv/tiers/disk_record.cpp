#include "kv/tiers/disk_record.h"

#include <sodium.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>

namespace pumice {
namespace {

constexpr std::array<char, 8> kHeaderMagic{'P', 'U', 'M', 'I', 'C', 'E', 'R', '1'};
constexpr std::array<char, 8> kCommitMagic{'C', 'O', 'M', 'M', 'I', 'T', 'R', '1'};
constexpr std::array<char, 8> kErasedMagic{'E', 'R', 'A', 'S', 'E', 'D', 'R', '1'};
constexpr size_t kSearchBytes = 64 * 1024;         // read at a time while looking for the next header
constexpr uint64_t kMostSearch = 256u << 20;       // of one segment, however large it claims to be
constexpr uint64_t kMostSegmentNumber = 1u << 30;  // beyond what this program gets to
constexpr size_t kValueBytes = 1u << 20;           // read at a time of a value that is only checked

static_assert(sizeof(RecordHeader) == 144 && sizeof(RecordCommit) == 48);

class Sum {
 public:
  Sum() {
    // The key's first half must not be zero throughout, or all sums were alike.
    static constexpr unsigned char kPublicKey[crypto_onetimeauth_KEYBYTES] = {'p', 'u', 'm', 'i', 'c', 'e'};
    crypto_onetimeauth_init(&state_, kPublicKey);
  }
  void add(std::span<const std::byte> data) {
    crypto_onetimeauth_update(&state_, reinterpret_cast<const unsigned char*>(data.data()), data.size());
  }
  Checksum finish() {
    Checksum sum;
    crypto_onetimeauth_final(&state_, reinterpret_cast<unsigned char*>(sum.data()));
    return sum;
  }

 private:
  crypto_onetimeauth_state state_;
};

Checksum checksum(std::span<const std::byte> data) {
  Sum sum;
  sum.add(data);
  return sum.finish();
}

// Of a part of a file, which may be larger than memory.
Result<Checksum> checksum_at(const File& file, uint64_t offset, uint64_t size) {
  Sum sum;
  std::vector<std::byte> piece(static_cast<size_t>(std::min<uint64_t>(size, kValueBytes)));
  for (const uint64_t end = offset + size; offset < end; offset += piece.size()) {
    piece.resize(static_cast<size_t>(std::min<uint64_t>(piece.size(), end - offset)));
    PUMICE_TRY(file.read_at(offset, piece));
    sum.add(piece);
  }
  return sum.finish();
}

Checksum checksum_of(const RecordHeader& header) {
  return checksum(std::as_bytes(std::span(&header, 1)).first(offsetof(RecordHeader, checksum)));
}

bool is_good(const RecordHeader& header) {
  return header.magic == kHeaderMagic && header.checksum == checksum_of(header);
}

std::string segment_name(uint64_t number) {
  char name[40];
  std::snprintf(name, sizeof name, "%08llu.pumicekv", static_cast<unsigned long long>(number));
  return name;
}

uint64_t commit_offset(uint64_t offset, uint64_t value_bytes) { return value_offset(offset) + value_bytes; }

template <typename T>
Result<void> read_struct(const File& file, uint64_t offset, T& to) {
  return file.read_at(offset, std::as_writable_bytes(std::span(&to, 1)));
}

// Where the next good header begins, from `from` on; `end` if there is none, or none within what may be searched.
Result<uint64_t> find_header(const File& file, uint64_t from, uint64_t end, uint64_t& may_search) {
  std::vector<std::byte> window(kSearchBytes + sizeof(RecordHeader));
  for (uint64_t start = from; start < end; start += kSearchBytes) {
    if (may_search < kSearchBytes) return end;
    may_search -= kSearchBytes;
    const size_t size = static_cast<size_t>(std::min<uint64_t>(window.size(), end - start));
    PUMICE_TRY(file.read_at(start, std::span(window).first(size)));
    for (size_t at = 0; at < kSearchBytes && at + sizeof(RecordHeader) <= size; at += kRecordAlignment) {
      RecordHeader header;
      std::memcpy(&header, window.data() + at, sizeof header);
      if (is_good(header)) return start + at;
    }
  }
  return end;
}

Result<RecordState> check_record(const File& file, FoundRecord& record, uint64_t end, bool check_value) {
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
  PUMICE_ASSIGN(const Checksum sum, checksum_at(file, value_offset(record.offset), header.value_bytes));
  return sum == commit.value ? RecordState::kWhole : RecordState::kDamaged;
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

Result<void> write_record(const File& file, uint64_t offset, const RecordHeader& header,
                          std::span<const std::byte> value) {
  const RecordCommit commit = make_commit(header, value);
  PUMICE_TRY(file.write_at(offset, std::as_bytes(std::span(&header, 1))));
  PUMICE_TRY(file.write_at(value_offset(offset), value));
  return file.write_at(commit_offset(offset, value.size()), std::as_bytes(std::span(&commit, 1)));
}

Result<void> erase_record(const File& file, uint64_t offset, uint64_t value_bytes) {
  return file.write_at(commit_offset(offset, value_bytes), std::as_bytes(std::span(kErasedMagic)));
}

Result<void> write_uses(const File& file, uint64_t offset, uint64_t value_bytes, uint64_t uses) {
  return file.write_at(commit_offset(offset, value_bytes) + offsetof(RecordCommit, uses),
                       std::as_bytes(std::span(&uses, 1)));
}

Result<SegmentScan> scan_segment(const File& file, bool check_values,
                                 const std::function<void(const FoundRecord&)>& found) {
  PUMICE_ASSIGN(const uint64_t size, file.size());
  SegmentScan scan{.bytes = size};
  uint64_t may_search = kMostSearch;
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
    PUMICE_ASSIGN(offset, find_header(file, offset + kRecordAlignment, scan.bytes, may_search));
  }
  return scan;
}

Result<std::vector<SegmentName>> list_segments(const std::string& folder) {
  PUMICE_ASSIGN(const std::vector<std::string> names, list_folder(folder));
  std::vector<SegmentName> segments;
  for (const std::string& name : names) {
    uint64_t number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number);
    std::string path = folder + "/" + name;
    if (number <= kMostSegmentNumber && name == segment_name(number) && is_regular_file(path))
      segments.push_back({number, std::move(path)});
  }
  std::ranges::sort(segments, {}, &SegmentName::number);
  return segments;
}

std::string segment_path(const std::string& folder, uint64_t number) { return folder + "/" + segment_name(number); }

}  // namespace pumice
