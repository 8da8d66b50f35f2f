#include "kv/tiers/disk_folder.h"

#include <algorithm>
#include <map>

#include "kv/tiers/folder_lock.h"

namespace pumice {
namespace {

// For each segment; one that the folder's program has removed meanwhile is passed over.
Result<void> for_each_segment(const std::string& folder, const std::function<Result<void>(const File& file)>& visit) {
  PUMICE_ASSIGN(const std::vector<SegmentName> names, list_segments(folder));
  for (const SegmentName& name : names) {
    Result<File> file = File::open(name.path, FileAccess::kRead, Links::kRefuse);
    if (!file && file.error().status == Status::kNotFound) continue;
    if (!file) return std::move(file).error();
    PUMICE_TRY(visit(*file));
  }
  return {};
}

// Codecs by namespace and epoch; null where none can be made.
class Codecs {
 public:
  explicit Codecs(const Secret& secret) : secret_(secret) {}

  const PageCodec* of(const RecordHeader& header) {
    const auto [entry, added] =
        codecs_.try_emplace({std::string(name_space_of(header)), header.epoch}, std::optional<PageCodec>());
    if (added) {
      Result<PageCodec> codec =
          PageCodec::create({.secret = secret_, .name_space = name_space_of(header), .epoch = header.epoch});
      if (codec) entry->second.emplace(std::move(codec).value());
    }
    return entry->second ? &*entry->second : nullptr;
  }

 private:
  const Secret& secret_;
  std::map<std::pair<std::string, uint64_t>, std::optional<PageCodec>> codecs_;
};

bool is_genuine(const File& file, const FoundRecord& record, Codecs& codecs) {
  if (record.header.value_bytes > kMaxPayloadBytes + 4 * kMaxPageTokens + kPageHeaderBytes) return false;
  std::vector<std::byte> value(record.header.value_bytes);
  const PageCodec* const codec = codecs.of(record.header);
  return codec && file.read_at(value_offset(record.offset), value) &&
         codec->verify(std::move(value), record.header.key);
}

PageClaim claim_of(const File& file, const FoundRecord& record) {
  std::array<std::byte, kPageHeaderBytes> header;
  if (record.header.value_bytes < header.size() || !file.read_at(value_offset(record.offset), header)) return {};
  return read_claim(header).value_or(PageClaim{});
}

}  // namespace

Result<DiskFolder> DiskFolder::open(const std::string& path) {
  DiskFolder folder;
  folder.folder_ = path;
  PUMICE_TRY(for_each_segment(path, [&](const File& file) -> Result<void> {
    PUMICE_ASSIGN(
        const SegmentScan scan, scan_segment(file, false, [&](const FoundRecord& record) {
          if (record.state == RecordState::kWhole) {
            folder.records_.push_back({record.header, record.uses, claim_of(file, record)});
          } else {
            ++(record.state == RecordState::kErased ? folder.counts_.erased_records : folder.counts_.damaged_records);
          }
        }));
    ++folder.counts_.files;
    folder.counts_.bytes += scan.bytes;
    folder.counts_.damaged_places += scan.damaged_places;
    return {};
  }));
  return folder;
}

Result<FolderVerification> DiskFolder::verify(const Secret* secret, const Progress& progress) const {
  FolderVerification result;
  std::optional<Codecs> codecs;
  if (secret) codecs.emplace(*secret);
  uint64_t bytes = 0;
  bool cancelled = false;
  PUMICE_TRY(for_each_segment(folder_, [&](const File& file) -> Result<void> {
    PUMICE_ASSIGN(const SegmentScan scan, scan_segment(file, true, [&](const FoundRecord& record) {
                    if (cancelled || record.state == RecordState::kErased) return;
                    ++result.records;
                    result.bytes += record.header.value_bytes;
                    if (record.state == RecordState::kDamaged) {
                      ++result.damaged_records;
                    } else if (codecs && !is_genuine(file, record, *codecs)) {
                      ++result.not_genuine;
                    }
                    const auto at = static_cast<double>(bytes + record.offset);
                    cancelled =
                        !progress(std::min(1.0, at / static_cast<double>(std::max<uint64_t>(counts_.bytes, 1))));
                  }));
    bytes += scan.bytes;
    result.damaged_places += scan.damaged_places;
    if (cancelled) return error(Status::kCancelled, "cancelled");
    return {};
  }));
  return result;
}

Result<void> DiskFolder::clear() {
  PUMICE_ASSIGN(const FolderLock lock, FolderLock::acquire(folder_));
  PUMICE_ASSIGN(const std::vector<SegmentName> names, list_segments(folder_));
  for (const SegmentName& name : names) {
    PUMICE_TRY(remove_file(name.path));
  }
  records_.clear();
  counts_ = {};
  return {};
}

}  // namespace pumice
