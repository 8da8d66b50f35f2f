// DiskFolder: what lies in the disk tier's folder, for looking at it from outside; works beside a program that uses it.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "kv/tiers/disk_record.h"
#include "kv/tiers/page_codec.h"

namespace pumice {

struct FolderRecord {
  RecordHeader header;
  uint64_t uses = 0;
  PageClaim claim;  // of the page's own header
};

struct FolderCounts {
  uint64_t files = 0, bytes = 0;
  uint64_t erased_records = 0, damaged_records = 0, damaged_places = 0;
};

struct FolderVerification {
  uint64_t records = 0, bytes = 0;
  uint64_t damaged_records = 0, damaged_places = 0;
  uint64_t not_genuine = 0;
};

// Thread rule: one thread at a time.
class DiskFolder {
 public:
  using Progress = std::function<bool(double fraction)>;  // false: stop

  // Status::kNotFound: no such folder.
  static Result<DiskFolder> open(const std::string& folder);

  std::span<const FolderRecord> records() const { return records_; }  // that are whole, as far as their frames tell
  const FolderCounts& counts() const { return counts_; }
  // Reads all values as they are now. secret: of the tiers (store_secret()); null: checksums alone. Status::kCancelled.
  Result<FolderVerification> verify(const Secret* secret, const Progress& progress) const;
  // Removes all segments. Status::kUnsupported: a program uses the folder.
  Result<void> clear();

 private:
  std::string folder_;
  std::vector<FolderRecord> records_;
  FolderCounts counts_;
};

}  // namespace pumice
