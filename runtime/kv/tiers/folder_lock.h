// FolderLock: one process at a time writes to a cache folder.
#pragma once

#include <string>

#include "base/file.h"

namespace pumice {

// Move-only; unlocks when destroyed, and when the process ends, however it ends. Thread rule: one thread at a time.
class FolderLock {
 public:
  // Status::kUnsupported when another holder has it; kIo when the lock file cannot be made.
  static Result<FolderLock> acquire(const std::string& folder);

 private:
  File file_;
};

}  // namespace pumice
