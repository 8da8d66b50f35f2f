#include "base/mapped_file.h"

#include <algorithm>
#include <utility>

namespace pumice {

Result<MappedFile> MappedFile::open(const std::string& path) {
  MappedFile mapped;
  PUMICE_ASSIGN(mapped.file_, File::open(path, FileAccess::kRead));
  PUMICE_ASSIGN(const uint64_t size, mapped.file_.size());
  if (size > SIZE_MAX / 2)
    return error(Status::kOutOfHostMemory, "%s is larger than this process can address", mapped.name());
  if (size > 0) PUMICE_TRY(mapped.reserve(static_cast<size_t>(size)));
  return mapped;
}

Result<MappedFile> MappedFile::open(FileSource source) {
  MappedFile mapped;
  const uint64_t size = source.size;
  mapped.source_ = std::make_unique<Source>();
  mapped.source_->from = std::move(source);
  if (size > SIZE_MAX / 2)
    return error(Status::kOutOfHostMemory, "%s is larger than this process can address", mapped.name());
  if (size > 0) PUMICE_TRY(mapped.reserve(static_cast<size_t>(size)));
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
  if (data_) release();
}

Result<void> MappedFile::hold(size_t size) {
  const size_t page = page_bytes(), last = size_ / page + (size_ % page != 0);
  const size_t end = std::min(size / page + (size % page != 0), last) * page;
  const size_t from = std::min(end, held_), length = std::max(end, held_) - from;
  if (length == 0) return {};
  const std::span<std::byte> place(const_cast<std::byte*>(data_) + from, length);
  if (end < held_) {
    PUMICE_TRY(give_back(place));
    held_ = end;
    return {};
  }
  PUMICE_TRY(make_writable(place));
  held_ = end;
  PUMICE_TRY(read(from, place.first(std::min(end, size_) - from)));
  make_constant(place);
  return {};
}

Result<void> MappedFile::read(size_t offset, std::span<std::byte> to) const {
  if (!source_) return file_.read_at(offset, to);
  const std::lock_guard lock(source_->mutex);
  return source_->from.read(offset, to);
}

}  // namespace pumice
