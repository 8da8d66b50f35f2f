// Gguf: a parsed GGUF model file (versions 2 and 3, little endian), whole or split into parts; or a model file of
// whisper.cpp, read as one (whisper_gguf.h).
//
// Contract: the bytes may be hostile. Every length, count, offset and product is checked before use; memory and time
// are bounded by a small multiple of the file's size; a refused file gives a one-line reason. An accepted file keeps
// these promises: keys and tensor names are unique, every tensor's data lies within its file at the file's alignment,
// no two tensors overlap, and row lengths are whole blocks.
// Ownership: Gguf owns the mappings that open() makes; metadata and names in them are copies that no change of the file
// reaches (MappedFile::hold), tensor data is the file's own. Every string_view and span it hands out points into the
// file's bytes and lives as long as the Gguf (after open) or as the caller's bytes (after from_memory). Move-only;
// moving keeps the views valid. Thread rule: immutable after opening, so any number of threads may read it. Source: the
// GGUF specification, ggml's docs/gguf.md; split files as llama.cpp writes them (split.no, split.count,
// split.tensors.count, names like model-00001-of-00003.gguf).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "format/tensor_type.h"

namespace pumice {

// The numbers are those of GGUF files.
enum class GgufValueType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};

// A metadata value: a checked view of its bytes. The conversions answer nullopt where the type does not fit or where
// the number lies outside the range asked for; integers of every width (but no bools and floats) count as integers.
struct GgufValue {
  GgufValueType type = GgufValueType::kU8;
  GgufValueType element_type = GgufValueType::kU8;  // of an array; otherwise equal to type
  uint64_t count = 1;                               // elements of an array; otherwise 1
  std::span<const std::byte> bytes;                 // a scalar, a string's text, or the encoded elements of an array

  bool is_array() const { return type == GgufValueType::kArray; }
  std::optional<uint64_t> as_u64() const;
  std::optional<int64_t> as_i64() const;
  std::optional<float> as_f32() const;  // f32, f64 (rounded), or an integer
  std::optional<bool> as_bool() const;
  std::optional<std::string_view> as_string() const;  // any bytes: UTF-8 is not checked, zeros are possible
  std::optional<std::vector<std::string_view>> as_strings() const;
  std::optional<std::vector<float>> as_f32_array() const;    // of f32 or f64 elements
  std::optional<std::vector<int32_t>> as_i32_array() const;  // of integers (each within int32) or bools
};

struct GgufEntry {
  std::string_view key;  // 1 to 65535 bytes without control characters
  GgufValue value;
};

struct GgufTensor {
  std::string_view name;                     // 1 to 255 bytes without control characters
  std::array<uint64_t, 4> dims{1, 1, 1, 1};  // dims[0] is the row length; each at least 1
  uint32_t dim_count = 1;                    // 1 to 4
  TensorType type = TensorType::kF32;
  std::span<const std::byte> data;  // row after row; aligned as the file says, which may be 1
  float scale = 1;                  // NVFP4: all values are multiplied by it; the reader of the model's to fill in

  uint64_t cols() const { return dims[0]; }
  uint64_t rows() const { return dims[1] * dims[2] * dims[3]; }
  uint64_t row_bytes() const { return data.size() / rows(); }
};

class Gguf {
 public:
  // Maps the file. Opening any part of a split model opens all of it; the parts lie side by side under their names.
  static Result<Gguf> open(const std::string& path);

  // The same of files that lie wherever the sources read them: one whole file, or all parts of a split one, in order.
  static Result<Gguf> open(std::vector<FileSource> sources);

  // Parses bytes that the caller keeps alive and unchanged.
  static Result<Gguf> from_memory(std::span<const std::byte> file);

  // Without keys and tensors.
  static Gguf empty() { return {}; }

  // The parts of a split model in order (or the one file of a model that is not split).
  static Result<Gguf> from_parts(std::span<const std::span<const std::byte>> parts);

  Gguf(Gguf&&) noexcept = default;
  Gguf& operator=(Gguf&&) noexcept = default;
  Gguf(const Gguf&) = delete;
  Gguf& operator=(const Gguf&) = delete;

  uint32_t version() const { return version_; }
  uint32_t part_count() const { return part_count_; }
  uint64_t file_bytes() const { return file_bytes_; }  // of all parts

  // Metadata of the first part, in file order.
  std::span<const GgufEntry> metadata() const { return entries_; }
  const GgufValue* find(std::string_view key) const;  // nullptr when absent

  // nullopt when the key is absent or GgufValue's conversion of the same name does not fit; find() tells them apart.
  std::optional<uint64_t> get_u64(std::string_view key) const;
  std::optional<uint32_t> get_u32(std::string_view key) const;
  std::optional<int64_t> get_i64(std::string_view key) const;
  std::optional<float> get_f32(std::string_view key) const;
  std::optional<bool> get_bool(std::string_view key) const;
  std::optional<std::string_view> get_string(std::string_view key) const;
  std::optional<std::vector<std::string_view>> get_strings(std::string_view key) const;
  std::optional<std::vector<float>> get_f32_array(std::string_view key) const;
  std::optional<std::vector<int32_t>> get_i32_array(std::string_view key) const;

  // Tensors of all parts, in file order.
  std::span<const GgufTensor> tensors() const { return tensors_; }
  const GgufTensor* find_tensor(std::string_view name) const;  // nullptr when absent
  uint64_t parameter_count() const;                            // values of all tensors

  // The bytes of `data`, a part of a tensor's data: itself where the caller keeps the file in memory; after open() they
  // are read into `scratch`, which is as large, because a file that has become shorter or a disk that fails is an error
  // of a read but kills the process that touches the mapping. Nothing else touches it once the file is open.
  Result<std::span<const std::byte>> fetch(std::span<const std::byte> data, std::span<std::byte> scratch) const;
  // A hint that fetch() of these bytes follows soon.
  void will_fetch(std::span<const std::byte> data) const;

 private:
  friend class GgufBuilder;
  Gguf() = default;
  const MappedFile* file_of(std::span<const std::byte> data) const;  // nullptr: of the caller's bytes

  std::vector<MappedFile> files_;
  std::vector<std::byte> made_;  // of names and metadata that stand in no file
  std::vector<GgufEntry> entries_;
  std::vector<GgufTensor> tensors_;
  std::vector<uint32_t> entries_by_key_;   // indices into entries_, sorted by key
  std::vector<uint32_t> tensors_by_name_;  // indices into tensors_, sorted by name
  uint32_t version_ = 0;
  uint32_t part_count_ = 0;
  uint64_t file_bytes_ = 0;
};

// One line of text for people: strings quoted and escaped, arrays abbreviated to their first elements and their count.
// At most max(max_chars, 48) bytes long, always printable, valid UTF-8.
std::string render(const GgufValue& value, size_t max_chars = 100);

// "u32", "string", or "[f32]" for an array.
std::string value_type_name(const GgufValue& value);

// "(64, 512)" in the order of the file: row length first.
std::string render_shape(const GgufTensor& tensor);

// `text` quoted, control characters and invalid UTF-8 escaped, cut to about max_chars: for messages and listings.
std::string quote(std::string_view text, size_t max_chars = 64);

}  // namespace pumice
