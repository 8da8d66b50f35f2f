#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <utility>

#include "base/random.h"

namespace pumice {
namespace {

constexpr int kNameTries = 16;

Error failure(const std::string& path, const char* what, int reason) {
  const Status status = reason == ENOENT   ? Status::kNotFound
                        : reason == ENOMEM ? Status::kOutOfHostMemory
                                           : Status::kIo;
  return error(status, "%s %s: %s", path.c_str(), what, std::strerror(reason));
}

// What is no regular file, in words; null: it is one.
const char* other_kind(mode_t mode) {
  if (S_ISREG(mode)) return nullptr;
  return S_ISDIR(mode)                    ? "a folder"
         : S_ISFIFO(mode)                 ? "a pipe"
         : S_ISSOCK(mode)                 ? "a socket"
         : S_ISLNK(mode)                  ? "a symbolic link"
         : S_ISBLK(mode) || S_ISCHR(mode) ? "a device"
                                          : "something else";
}

Error not_a_file(const std::string& path, const char* kind) {
  return error(Status::kIo, "%s is not a regular file but %s", path.c_str(), kind);
}

// Writing beyond RLIMIT_FSIZE raises SIGXFSZ in the writing thread; while this lives it is held back, and at the end
// it is swallowed, so that only EFBIG is left of it. No handler of the host is touched.
class NoSizeSignal {
 public:
  NoSizeSignal() {
    sigemptyset(&signal_);
    sigaddset(&signal_, SIGXFSZ);
    sigset_t pending;
    sigemptyset(&pending);
    sigpending(&pending);
    others_ = sigismember(&pending, SIGXFSZ) == 1;
    masked_ = pthread_sigmask(SIG_BLOCK, &signal_, &before_) == 0;
  }
  NoSizeSignal(const NoSizeSignal&) = delete;
  NoSizeSignal& operator=(const NoSizeSignal&) = delete;
  ~NoSizeSignal() {
    const int reason = errno;
    const timespec at_once{};
    if (!others_) {
      while (sigtimedwait(&signal_, nullptr, &at_once) < 0 && errno == EINTR) {
      }
    }
    if (masked_) pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = reason;
  }

 private:
  sigset_t signal_, before_;
  bool others_ = false, masked_ = false;
};

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> sync_folder(const std::string& path) {
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return {};  // one that may be written but not read
  const int failed = ::fsync(folder);
  const int reason = errno;
  ::close(folder);
  // EINVAL: a file system that does not sync folders.
  if (failed != 0 && reason != EINVAL) return failure(path, "cannot be synced", reason);
  return {};
}

int descriptor(intptr_t handle) { return static_cast<int>(handle); }

int flags_of(FileAccess access, Links links) {
  // Without O_NONBLOCK a pipe would be waited for. For regular files it means nothing.
  const int common = O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (links == Links::kRefuse ? O_NOFOLLOW : 0);
  switch (access) {
    case FileAccess::kRead:
      return common | O_RDONLY;
    case FileAccess::kUpdate:
      return common | O_RDWR;
    case FileAccess::kCreate:
      return common | O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
    case FileAccess::kEnsure:
      return common | O_RDWR | O_CREAT;
  }
  return common;
}

}  // namespace

Result<File> File::open(const std::string& path, FileAccess access, Links links) {
  File file;
  file.path_ = path;
  file.handle_ = ::open(path.c_str(), flags_of(access, links), 0600);
  if (!file.is_open()) {
    const int reason = errno;
    if (reason == ENOENT && access != FileAccess::kCreate)
      return error(Status::kNotFound, "%s does not exist; check the path", path.c_str());
    struct stat info{};
    const char* const kind = ::lstat(path.c_str(), &info) == 0 ? other_kind(info.st_mode) : nullptr;
    if (kind && (links == Links::kRefuse || !S_ISLNK(info.st_mode))) return not_a_file(path, kind);
    return failure(path, "cannot be opened", reason);
  }
  struct stat info{};
  if (::fstat(descriptor(file.handle_), &info) != 0) return failure(path, "cannot be examined", errno);
  if (const char* const kind = other_kind(info.st_mode)) return not_a_file(path, kind);
  return file;
}

void File::close() { ::close(descriptor(handle_)); }

Result<uint64_t> File::size() const {
  struct stat info{};
  if (::fstat(descriptor(handle_), &info) != 0) return failure(path_, "cannot be examined", errno);
  return static_cast<uint64_t>(info.st_size);
}

Result<void> File::read_at(uint64_t offset, std::span<std::byte> to) const {
  while (!to.empty()) {
    const ssize_t got = ::pread(descriptor(handle_), to.data(), to.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure(path_, "cannot be read", errno);
    if (got == 0)
      return error(Status::kIo, "%s ends at byte %llu, earlier than when it was opened; load it again", path_.c_str(),
                   static_cast<unsigned long long>(offset));
    to = to.subspan(static_cast<size_t>(got));
    offset += static_cast<uint64_t>(got);
  }
  return {};
}

Result<void> File::write_at(uint64_t offset, std::span<const std::byte> from) const {
  const NoSizeSignal guard;
  while (!from.empty()) {
    const ssize_t wrote = ::pwrite(descriptor(handle_), from.data(), from.size(), static_cast<off_t>(offset));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return failure(path_, "cannot be written", wrote < 0 ? errno : ENOSPC);
    from = from.subspan(static_cast<size_t>(wrote));
    offset += static_cast<uint64_t>(wrote);
  }
  return {};
}

Result<void> File::truncate(uint64_t size) const {
  const NoSizeSignal guard;
  while (::ftruncate(descriptor(handle_), static_cast<off_t>(size)) != 0)
    if (errno != EINTR) return failure(path_, "cannot be cut", errno);
  return {};
}

Result<void> File::sync() const {
  while (::fsync(descriptor(handle_)) != 0)
    if (errno != EINTR) return failure(path_, "cannot be written", errno);
  return {};
}

Result<bool> File::try_lock() const {
  while (::flock(descriptor(handle_), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) return failure(path_, "cannot be locked", errno);
  }
  return true;
}

Result<NewFile> NewFile::create(const std::string& path, FileReaders readers) {
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0)
    if (const char* const kind = other_kind(info.st_mode)) return not_a_file(path, kind);
  NewFile made(path);
  SplitMix names(static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()) ^
                 static_cast<uint64_t>(::getpid()) << 40);
  made.file_.path_ = path;  // first: once the file is open nothing may throw past its owner
  int file = -1;
  for (int tries = 0; file < 0 && tries < kNameTries; ++tries) {
    char suffix[32];
    std::snprintf(suffix, sizeof suffix, ".%08x.tmp", static_cast<unsigned>(names.next()));
    made.scratch_ = path + suffix;
    const mode_t mode = readers == FileReaders::kOwner ? 0600 : 0666;
    file = ::open(made.scratch_.c_str(), flags_of(FileAccess::kCreate, Links::kRefuse), mode);
    if (file < 0 && errno != EEXIST) break;
  }
  made.file_.handle_ = file;
  if (file < 0) return error(Status::kIo, "%s cannot be made: %s", path.c_str(), std::strerror(errno));
  return made;
}

NewFile::~NewFile() {
  if (file_.is_open()) ::unlink(scratch_.c_str());
}

Result<void> NewFile::commit() {
  PUMICE_TRY(file_.sync());
  if (::rename(scratch_.c_str(), path_.c_str()) != 0) return failure(path_, "cannot be replaced", errno);
  file_ = {};  // under its name the file stays
  return sync_folder(folder_of(path_));
}

Result<bool> NewFile::commit_if_free() {
  PUMICE_TRY(file_.sync());
  // Some file systems know only the one way, some only the other.
  int failed = ::renameat2(AT_FDCWD, scratch_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE);
  if (failed != 0 && (errno == EINVAL || errno == ENOSYS)) {
    failed = ::link(scratch_.c_str(), path_.c_str());
    if (failed == 0) ::unlink(scratch_.c_str());
  }
  if (failed != 0 && errno == EEXIST) return false;
  if (failed != 0) return failure(path_, "cannot be made", errno);
  file_ = {};
  PUMICE_TRY(sync_folder(folder_of(path_)));
  return true;
}

bool is_regular_file(const std::string& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

Result<void> remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return failure(path, "cannot be removed", errno);
  return {};
}

Result<void> make_folders(const std::string& path) {
  for (size_t at = path.find_first_not_of('/'); at != std::string::npos;) {
    const size_t end = path.find('/', at);
    const std::string folder = path.substr(0, end);
    if (::mkdir(folder.c_str(), 0700) != 0) {
      const int reason = errno;
      struct stat info{};
      if (::stat(folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
        return error(Status::kIo, "the folder %s cannot be made: %s", folder.c_str(), std::strerror(reason));
    }
    at = end == std::string::npos ? end : path.find_first_not_of('/', end);
  }
  return {};
}

Result<std::vector<std::string>> list_folder(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
  if (!folder && errno == ENOENT) return error(Status::kNotFound, "%s: there is no such folder", path.c_str());
  if (!folder) return failure(path, "cannot be read", errno);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(folder.get());
    if (!entry && errno != 0) return failure(path, "cannot be read", errno);
    if (!entry) return names;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
}

}  // namespace pumice
