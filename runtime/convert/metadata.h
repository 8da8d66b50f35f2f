// GgufMetadata: the keys and values of a GGUF file to be, encoded as they are written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/gguf.h"

namespace pumice {

// Little-endian numbers, one behind the other.
class ByteString {
 public:
  template <typename T>
  void put(T value) {
    append(std::as_bytes(std::span(&value, 1)));
  }
  void append(std::span<const std::byte> more) { bytes.insert(bytes.end(), more.begin(), more.end()); }
  void append(std::string_view text) { append(std::as_bytes(std::span(text))); }
  void gguf_string(std::string_view text) {
    put<uint64_t>(text.size());
    append(text);
  }

  std::vector<std::byte> bytes;
};

class GgufMetadata {
 public:
  void u32(std::string_view key, uint64_t value);
  void f32(std::string_view key, double value);
  void boolean(std::string_view key, bool value);
  void string(std::string_view key, std::string_view value);
  void strings(std::string_view key, std::span<const std::string> values);
  void numbers(std::string_view key, std::span<const float> values);
  void numbers(std::string_view key, std::span<const int32_t> values);
  void octets(std::string_view key, std::string_view bytes);
  void copy(const GgufEntry& entry);

  uint64_t count() const { return count_; }
  std::span<const std::byte> bytes() const { return to_.bytes; }

 private:
  void begin(std::string_view key, GgufValueType type);
  void begin_array(std::string_view key, GgufValueType type, uint64_t count);

  ByteString to_;
  uint64_t count_ = 0;
};

}  // namespace pumice
