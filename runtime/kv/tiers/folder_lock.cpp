#include "kv/tiers/folder_lock.h"

namespace pumice {

Result<FolderLock> FolderLock::acquire(const std::string& folder) {
  FolderLock lock;
  PUMICE_ASSIGN(lock.file_, File::open(folder + "/lock", FileAccess::kEnsure, Links::kRefuse));
  PUMICE_ASSIGN(const bool locked, lock.file_.try_lock());
  if (locked) return lock;
  return error(Status::kUnsupported, "%s: another program uses this cache folder: end it or choose another folder",
               folder.c_str());
}

}  // namespace pumice
