#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace pumice {
namespace {

// At `place`, or where there is room for it: of the file, or of nothing.
Result<void*> map(const char* name, std::span<std::byte> place, int protection, intptr_t file, size_t offset) {
  const bool anonymous = file < 0;
  const int flags = MAP_PRIVATE | (place.data() ? MAP_FIXED : 0) | (anonymous ? MAP_ANONYMOUS : 0) |
                    (anonymous && protection == PROT_READ ? MAP_NORESERVE : 0);
  void* const made =
      ::mmap(place.data(), place.size(), protection, flags, static_cast<int>(file), static_cast<off_t>(offset));
  if (made != MAP_FAILED) return made;
  return error(errno == ENOMEM ? Status::kOutOfHostMemory : Status::kIo, "%s cannot be mapped: %s", name,
               std::strerror(errno));
}

}  // namespace

size_t MappedFile::page_bytes() { return static_cast<size_t>(::sysconf(_SC_PAGESIZE)); }

Result<void> MappedFile::reserve(size_t size) {
  PUMICE_ASSIGN(const void* const data,
                map(name(), {static_cast<std::byte*>(nullptr), size}, PROT_READ, file_.handle(), 0));
  data_ = static_cast<const std::byte*>(data);
  size_ = size;
  return {};
}

void MappedFile::release() { ::munmap(const_cast<std::byte*>(data_), size_); }

Result<void> MappedFile::make_writable(std::span<std::byte> place) const {
  PUMICE_ASSIGN([[maybe_unused]] const void* const made, map(name(), place, PROT_READ | PROT_WRITE, -1, 0));
  return {};
}

void MappedFile::make_constant(std::span<std::byte> place) const { ::mprotect(place.data(), place.size(), PROT_READ); }

Result<void> MappedFile::give_back(std::span<std::byte> place) const {
  PUMICE_ASSIGN([[maybe_unused]] const void* const made,
                map(name(), place, PROT_READ, file_.handle(), static_cast<size_t>(place.data() - data_)));
  return {};
}

void MappedFile::will_need(size_t offset, size_t size) const {
  if (source_) return;
#ifdef POSIX_FADV_WILLNEED
  ::posix_fadvise(static_cast<int>(file_.handle()), static_cast<off_t>(offset), static_cast<off_t>(size),
                  POSIX_FADV_WILLNEED);
#else
  static_cast<void>(offset), static_cast<void>(size);
#endif
}

}  // namespace pumice
