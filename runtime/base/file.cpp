#include "base/file.h"

#include <utility>

namespace pumice {

File::File(File&& other) noexcept : path_(std::move(other.path_)), handle_(std::exchange(other.handle_, kNoHandle)) {}

File& File::operator=(File&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(handle_, other.handle_);
  return *this;
}

File::~File() {
  if (is_open()) close();
}

Result<void> NewFile::write(std::span<const std::byte> bytes) {
  PUMICE_TRY(file_.write_at(size_, bytes));
  size_ += bytes.size();
  return {};
}

}  // namespace pumice
