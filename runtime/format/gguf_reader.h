// The parser of one GGUF file, and access to the encoded bytes of values: shared by the .cpp files of this folder.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "base/result.h"
#include "format/gguf.h"

namespace pumice {

static_assert(std::endian::native == std::endian::little, "GGUF values are read in place, little endian");

template <typename T>
T load_unaligned(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

// Bytes of a scalar type; 0 for strings, arrays and unknown numbers.
inline uint32_t scalar_bytes(GgufValueType type) {
  constexpr uint8_t kBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  const auto number = static_cast<uint32_t>(type);
  return number < sizeof(kBytes) ? kBytes[number] : 0;
}

// Walks the elements of an array value, whose encoding the parser has checked.
class GgufElements {
 public:
  explicit GgufElements(const GgufValue& array) : array_(array) {}
  GgufValue next();  // precondition: fewer than array.count calls before

 private:
  GgufValue array_;
  size_t position_ = 0;
};

// Indices of `names` in sorted order. `twin` receives the index of a name that occurs twice, or SIZE_MAX.
std::vector<uint32_t> sorted_index(std::span<const std::string_view> names, size_t* twin);

struct GgufPart {
  uint32_t version = 0;
  std::vector<GgufEntry> entries;
  std::vector<uint32_t> entries_by_key;
  std::vector<GgufTensor> tensors;
  std::vector<std::byte> made;  // what the views point into that stands in no file

  const GgufValue* find(std::string_view key) const;
};

const GgufValue* find_entry(std::span<const GgufEntry> entries, std::span<const uint32_t> by_key, std::string_view key);

// Parses one whole file, of which only the first `readable` bytes are touched. The views in the part point into `file`.
Result<GgufPart> read_gguf_part(std::span<const std::byte> file, size_t readable = SIZE_MAX);

}  // namespace pumice
