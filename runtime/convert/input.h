// Input: the bytes of a file that is read piece by piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>

#include "base/file.h"

namespace pumice {

// Immutable; any number of threads. What was read is checked by who reads it: the file may change meanwhile.
class Input {
 public:
  static Result<std::shared_ptr<const Input>> open(const std::string& path);
  // The caller keeps the bytes.
  static std::shared_ptr<const Input> of_memory(std::span<const std::byte> bytes);

  uint64_t size() const { return size_; }
  const std::string& name() const { return file_.path(); }
  // Status::kMalformed: the file ends before.
  Result<void> read(uint64_t offset, std::span<std::byte> to) const;

 private:
  File file_;
  std::span<const std::byte> memory_;
  uint64_t size_ = 0;
};

// A small file as a whole. Status::kMalformed: larger than `most`.
Result<std::string> read_text_file(const std::string& path, uint64_t most);

// Reads an Input from front to back through a buffer.
class InputReader {
 public:
  explicit InputReader(std::shared_ptr<const Input> input) : input_(std::move(input)) {}

  uint64_t position() const { return position_; }
  uint64_t remaining() const { return input_->size() - position_; }
  Result<void> take(std::span<std::byte> to);
  Result<void> skip(uint64_t bytes);
  template <typename T>
  Result<T> number() {
    T value{};
    PUMICE_TRY(take(std::as_writable_bytes(std::span(&value, 1))));
    return value;
  }

 private:
  std::shared_ptr<const Input> input_;
  uint64_t position_ = 0;
  std::vector<std::byte> buffer_;  // the bytes from buffer_at_ on
  uint64_t buffer_at_ = 0;
};

}  // namespace pumice
