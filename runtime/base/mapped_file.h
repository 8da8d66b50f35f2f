// MappedFile: addresses for a whole file, memory for its beginning, and the means to read the rest.
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

// Move-only; the bytes live as long as the object, and so does an open file. Only what hold() made its own may be
// touched: behind it are zeros, or the file itself, which raises SIGBUS once another process has cut it short, or no
// memory at all, as the system has it. Everything else is read with read(), where all of that is an error. Thread rule:
// hold() alone, the rest from any number of threads.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::string& path);
  static Result<MappedFile> open(FileSource source);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }

  // Puts a copy in the place of the first `size` bytes (rounded up to pages), at the same address: no later change of
  // the file reaches it. A smaller size than before gives the rest back.
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
  // The system's part. Places are in whole pages.
  static size_t page_bytes();
  Result<void> reserve(size_t size);
  Result<void> make_writable(std::span<std::byte> place) const;  // memory of its own, with anything in it
  void make_constant(std::span<std::byte> place) const;
  Result<void> give_back(std::span<std::byte> place) const;
  void release();
  const char* name() const { return source_ ? "the file" : file_.path().c_str(); }

  File file_;
  std::unique_ptr<Source> source_;  // instead of file_; or null
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  size_t held_ = 0;  // whole pages
};

}  // namespace pumice
