// MappedFile: a whole file, read-only, in the address space, and the means to read it without the mapping.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "base/file.h"

namespace pumice {

// Instead of a file of the system's: read(offset, to) fills `to`, and is called by one thread at a time.
struct FileSource {
  uint64_t size = 0;
  std::function<Result<void>(uint64_t offset, std::span<std::byte> to)> read;
};

// Move-only; the bytes live as long as the object, and so does an open descriptor. Touching a page that the file has
// lost since (another process cut it short, the disk fails) raises SIGBUS, as with every mapping, which would end the
// host program. So a program that must live touches only what hold() made its own and reads everything else with
// read(), where the same is an error. Thread rule: hold() alone, the rest from any number of threads.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::string& path);
  // Has addresses for all of it, but no memory: what hold() has not read is zero.
  static Result<MappedFile> open(FileSource source);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }

  // Puts a copy in the place of the first `size` bytes (rounded up to pages), at the same address: no later change of
  // the file reaches it. A smaller size than before gives the rest back to the file.
  Result<void> hold(size_t size);
  // Copies the bytes from `offset` on. Status::kIo where the file does not have them, or no longer.
  Result<void> read(size_t offset, std::span<std::byte> to) const;
  // A hint to read these bytes into the system's cache meanwhile; returns at once.
  void will_need(size_t offset, size_t size) const;

 private:
  struct Source {
    FileSource from;
    std::mutex mutex;
  };
  Error cannot_map(int reason) const;

  File file_;
  std::unique_ptr<Source> source_;  // instead of file_; or null
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  size_t held_ = 0;  // whole pages
};

}  // namespace pumice
