// MappedFile: a whole file, read-only, in the address space.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"

namespace pumice {

// Move-only; the bytes live as long as the object. Reading a file that another process truncates raises SIGBUS, as with
// every mapping: give models to the library only from folders that no stranger writes to.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::string& path);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace pumice
