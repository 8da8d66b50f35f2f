#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace pumice {

Error MappedFile::cannot_map(int reason) const {
  return error(reason == ENOMEM ? Status::kOutOfHostMemory : Status::kIo, "%s cannot be mapped: %s",
               source_ ? "the file" : file_.path().c_str(), std::strerror(reason));
}

Result<MappedFile> MappedFile::open(const std::string& path) {
  MappedFile mapped;
  PUMICE_ASSIGN(mapped.file_, File::open(path, FileAccess::kRead));
  PUMICE_ASSIGN(const uint64_t size, mapped.file_.size());
  if (size == 0) return mapped;
  if (size > SIZE_MAX / 2) return mapped.cannot_map(ENOMEM);
  void* const data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, mapped.file_.descriptor(), 0);
  if (data == MAP_FAILED) return mapped.cannot_map(errno);
  mapped.data_ = static_cast<const std::byte*>(data);
  mapped.size_ = size;
  return mapped;
}

Result<MappedFile> MappedFile::open(FileSource source) {
  MappedFile mapped;
  mapped.source_ = std::make_unique<Source>();
  mapped.source_->from = std::move(source);
  const uint64_t size = mapped.source_->from.size;
  if (size == 0) return mapped;
  if (size > SIZE_MAX / 2) return mapped.cannot_map(ENOMEM);
  void* const data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) return mapped.cannot_map(errno);
  mapped.data_ = static_cast<const std::byte*>(data);
  mapped.size_ = size;
  return mapped;
}

MappedFile::MappedFile(MappedFile&& other) noexcept { *this = std::move(other); }

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(source_, other.source_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(held_, other.held_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

Result<void> MappedFile::hold(size_t size) {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t end = std::min((size + page - 1) / page, (size_ + page - 1) / page) * page;
  const size_t from = std::min(end, held_), length = std::max(end, held_) - from;
  if (length == 0) return {};
  auto* place = const_cast<std::byte*>(data_) + from;
  const bool more = end > held_;
  constexpr int kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
  const void* made = nullptr;
  if (more)
    made = ::mmap(place, length, PROT_READ | PROT_WRITE, kAnonymous, -1, 0);
  else if (source_)
    made = ::mmap(place, length, PROT_READ, kAnonymous | MAP_NORESERVE, -1, 0);
  else
    made = ::mmap(place, length, PROT_READ, MAP_PRIVATE | MAP_FIXED, file_.descriptor(), static_cast<off_t>(from));
  if (made == MAP_FAILED) return cannot_map(errno);
  held_ = end;
  if (!more) return {};
  PUMICE_TRY(read(from, {place, std::min(end, size_) - from}));
  ::mprotect(place, length, PROT_READ);
  return {};
}

Result<void> MappedFile::read(size_t offset, std::span<std::byte> to) const {
  if (!source_) return file_.read_at(offset, to);
  const std::lock_guard lock(source_->mutex);
  return source_->from.read(offset, to);
}

void MappedFile::will_need(size_t offset, size_t size) const {
  if (source_) return;
#ifdef POSIX_FADV_WILLNEED
  ::posix_fadvise(file_.descriptor(), static_cast<off_t>(offset), static_cast<off_t>(size), POSIX_FADV_WILLNEED);
#else
  static_cast<void>(offset), static_cast<void>(size);
#endif
}

}  // namespace pumice
