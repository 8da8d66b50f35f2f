// Records of the disk tier: how values lie in segment files, and how segments are read back.
//
// A folder holds a lock file and segments, NNNNNNNN.pumicekv, which only grow. A segment is a run of records, each
// begun at a multiple of kRecordAlignment: header, value, commit. The header has a checksum of its own; the commit is
// written last and names header and value by their checksums, so a record without its commit was never finished and is
// none. The checksums (Poly1305 under a public key) find accidents; that a value is genuine is the page codec's matter.
// In place change only a commit's use count, and its magic when the record is erased. Behind damage, reading begins
// anew at the next good header, so a bad spot costs the records that it touches and no others. Thread rule: plain
// functions; any number of threads may read one file.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "kv/index/page_key.h"

namespace pumice {

constexpr uint64_t kRecordAlignment = 512;
constexpr size_t kNameSpaceBytes = 64;  // the longest namespace

using Checksum = std::array<std::byte, 16>;

struct RecordHeader {
  std::array<char, 8> magic{};
  uint64_t value_bytes = 0;
  PageKey key;
  uint64_t epoch = 0;
  uint64_t written_at = 0;                         // seconds since 1970
  std::array<char, kNameSpaceBytes> name_space{};  // padded with zeros
  Checksum checksum{};                             // of all before it
};

struct RecordCommit {
  std::array<char, 8> magic{};
  Checksum header{}, value{};
  uint64_t uses = 0;  // reads so far; not covered by a checksum
};

RecordHeader make_header(const PageKey& key, uint64_t value_bytes, std::string_view name_space, uint64_t epoch,
                         uint64_t written_at);
RecordCommit make_commit(const RecordHeader& header, std::span<const std::byte> value);
std::string_view name_space_of(const RecordHeader& header);
constexpr uint64_t align_record(uint64_t offset) {
  return (offset + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
}
constexpr uint64_t value_offset(uint64_t record_offset) { return record_offset + sizeof(RecordHeader); }
// Behind its last byte.
constexpr uint64_t record_end(uint64_t record_offset, uint64_t value_bytes) {
  return value_offset(record_offset) + value_bytes + sizeof(RecordCommit);
}

// From a record's start to where the next may begin.
constexpr uint64_t record_bytes(uint64_t value_bytes) { return align_record(record_end(0, value_bytes)); }

// The whole record, the commit last. Status::kIo.
Result<void> write_record(const File& file, uint64_t offset, const RecordHeader& header,
                          std::span<const std::byte> value);
Result<void> erase_record(const File& file, uint64_t offset, uint64_t value_bytes);
Result<void> write_uses(const File& file, uint64_t offset, uint64_t value_bytes, uint64_t uses);

enum class RecordState : uint32_t { kWhole = 0, kErased = 1, kDamaged = 2 };

struct FoundRecord {
  RecordHeader header;
  uint64_t offset = 0;
  uint64_t uses = 0;
  RecordState state = RecordState::kWhole;
};

struct SegmentScan {
  uint64_t damaged_places = 0;  // runs of bytes that belong to no record: a torn tail, a damaged header
  uint64_t bytes = 0;           // of the file
  bool clean = true;            // no damage; more records may be appended
};

// Each record whose header is good, in order. With check_values all of a record is read; else a damaged value is not
// noticed. Status::kIo when the file cannot be read.
Result<SegmentScan> scan_segment(const File& file, bool check_values,
                                 const std::function<void(const FoundRecord&)>& found);

struct SegmentName {
  uint64_t number = 0;
  std::string path;
};
// In the order of their numbers; other files are none of ours. Status::kNotFound: no such folder.
Result<std::vector<SegmentName>> list_segments(const std::string& folder);
std::string segment_path(const std::string& folder, uint64_t number);

}  // namespace pumice
