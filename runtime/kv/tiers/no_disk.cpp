// In the place of disk_tier.cpp and disk_folder.cpp in a build without the disk tier (PUMICE_DISK).
#include "kv/tiers/disk_folder.h"
#include "kv/tiers/disk_tier.h"

namespace pumice {
namespace {

Error no_disk() { return error(Status::kUnsupported, "this build has no disk tier: build again with PUMICE_DISK"); }

}  // namespace

Result<std::unique_ptr<Tier>> open_disk_tier(const DiskTierOptions&) { return no_disk(); }

Result<DiskFolder> DiskFolder::open(const std::string&) { return no_disk(); }
Result<FolderVerification> DiskFolder::verify(const Secret*, const Progress&) const { return no_disk(); }
Result<void> DiskFolder::clear() { return no_disk(); }

}  // namespace pumice
