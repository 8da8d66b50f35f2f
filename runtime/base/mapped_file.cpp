#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace pumice {

Result<MappedFile> MappedFile::open(const std::string& path) {
  MappedFile mapped;
  mapped.path_ = path;
  mapped.file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (mapped.file_ < 0) {
    const int reason = errno;
    if (reason == ENOENT) return error(Status::kNotFound, "%s does not exist; check the path", path.c_str());
    return error(Status::kIo, "%s: %s", path.c_str(), std::strerror(reason));
  }
  struct stat info {};
  if (::fstat(mapped.file_, &info) != 0 || !S_ISREG(info.st_mode))
    return error(Status::kIo, "%s: not a regular file", path.c_str());
  if (info.st_size == 0) return mapped;
  void* data = ::mmap(nullptr, static_cast<size_t>(info.st_size), PROT_READ, MAP_PRIVATE, mapped.file_, 0);
  if (data == MAP_FAILED) {
    const int reason = errno;
    return error(Status::kIo, "%s: cannot map: %s", path.c_str(), std::strerror(reason));
  }
  mapped.data_ = static_cast<const std::byte*>(data);
  mapped.size_ = static_cast<size_t>(info.st_size);
  return mapped;
}

MappedFile::MappedFile(MappedFile&& other) noexcept { *this = std::move(other); }

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(file_, other.file_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(held_, other.held_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
  if (file_ >= 0) ::close(file_);
}

Result<void> MappedFile::hold(size_t size) {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t end = std::min((size + page - 1) / page, (size_ + page - 1) / page) * page;
  const size_t from = std::min(end, held_), length = std::max(end, held_) - from;
  if (length == 0) return {};
  auto* place = const_cast<std::byte*>(data_) + from;
  const bool more = end > held_;
  const void* made = more
                         ? ::mmap(place, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
                         : ::mmap(place, length, PROT_READ, MAP_PRIVATE | MAP_FIXED, file_, static_cast<off_t>(from));
  if (made == MAP_FAILED) {
    const int reason = errno;
    return error(Status::kOutOfHostMemory, "%s: cannot map: %s", path_.c_str(), std::strerror(reason));
  }
  held_ = end;
  if (!more) return {};
  PUMICE_TRY(read(from, {place, std::min(end, size_) - from}));
  ::mprotect(place, length, PROT_READ);
  return {};
}

Result<void> MappedFile::read(size_t offset, std::span<std::byte> to) const {
  PUMICE_CHECK(offset <= size_ && to.size() <= size_ - offset);
  while (!to.empty()) {
    const ssize_t count = ::pread(file_, to.data(), to.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int reason = errno;
      return error(Status::kIo, "%s: cannot read at byte %zu: %s", path_.c_str(), offset, std::strerror(reason));
    }
    if (count == 0)
      return error(Status::kIo, "%s ends at byte %zu, earlier than when it was opened; load it again", path_.c_str(),
                   offset);
    offset += static_cast<size_t>(count);
    to = to.subspan(static_cast<size_t>(count));
  }
  return {};
}

void MappedFile::will_need(size_t offset, size_t size) const {
#ifdef POSIX_FADV_WILLNEED
  ::posix_fadvise(file_, static_cast<off_t>(offset), static_cast<off_t>(size), POSIX_FADV_WILLNEED);
#else
  static_cast<void>(offset), static_cast<void>(size);
#endif
}

}  // namespace pumice
