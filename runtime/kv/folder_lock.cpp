#include "kv/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace pumice {

Result<FolderLock> FolderLock::acquire(const std::string& folder) {
  const std::string path = folder + "/lock";
  FolderLock lock;
  lock.file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock.file_ < 0)
    return error(Status::kIo, "%s: cannot be opened (%s): choose a cache folder that can be written to", path.c_str(),
                 std::strerror(errno));
  if (::flock(lock.file_, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK)
    return error(Status::kIo, "%s: cannot be locked (%s): choose a folder on a local disk", path.c_str(),
                 std::strerror(errno));
  return error(Status::kUnsupported, "%s: another program uses this cache folder: end it or choose another folder",
               folder.c_str());
}

FolderLock::FolderLock(FolderLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

FolderLock& FolderLock::operator=(FolderLock&& other) noexcept {
  std::swap(file_, other.file_);
  return *this;
}

FolderLock::~FolderLock() {
  if (file_ >= 0) ::close(file_);
}

}  // namespace pumice
