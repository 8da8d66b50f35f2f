// GgufWriter: makes small GGUF files in memory, well-formed or, where a test sets a field by hand, not.
//
//   GgufWriter writer;
//   writer.string("general.architecture", "llama").u32("llama.block_count", 2);
//   writer.tensor("output_norm.weight", {64}, TensorType::kF32, f32_bytes(values));
//   std::vector<std::byte> file = writer.finish();
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/block_factors.h"
#include "format/gguf.h"
#include "format/half.h"

namespace pumice::test {

// Appends little-endian values.
class ByteWriter {
 public:
  template <typename T>
  ByteWriter& put(T value) {
    const size_t at = bytes.size();
    bytes.resize(at + sizeof(T));
    std::memcpy(bytes.data() + at, &value, sizeof(T));
    return *this;
  }
  ByteWriter& text(std::string_view value) {  // a GGUF string
    put<uint64_t>(value.size());
    return append(std::as_bytes(std::span(value)));
  }
  ByteWriter& append(std::span<const std::byte> more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return *this;
  }
  ByteWriter& pad(size_t alignment) {
    while (bytes.size() % alignment != 0) bytes.push_back(std::byte{0});
    return *this;
  }

  std::vector<std::byte> bytes;
};

class GgufWriter {
 public:
  struct Tensor {
    std::string name;
    std::vector<uint64_t> dims;
    uint32_t type = 0;
    std::vector<std::byte> data;
    std::optional<uint64_t> offset;  // instead of the right one
  };

  // Fields that a test may falsify.
  uint32_t magic = 0x46554747;
  uint32_t version = 3;
  std::optional<uint64_t> tensor_count, entry_count;
  uint64_t alignment = 32;  // of the layout; alignment_key() also records it

  GgufWriter& u8(std::string_view key, uint8_t v) { return scalar(key, GgufValueType::kU8, v); }
  GgufWriter& i8(std::string_view key, int8_t v) { return scalar(key, GgufValueType::kI8, v); }
  GgufWriter& u16(std::string_view key, uint16_t v) { return scalar(key, GgufValueType::kU16, v); }
  GgufWriter& i16(std::string_view key, int16_t v) { return scalar(key, GgufValueType::kI16, v); }
  GgufWriter& u32(std::string_view key, uint32_t v) { return scalar(key, GgufValueType::kU32, v); }
  GgufWriter& i32(std::string_view key, int32_t v) { return scalar(key, GgufValueType::kI32, v); }
  GgufWriter& u64(std::string_view key, uint64_t v) { return scalar(key, GgufValueType::kU64, v); }
  GgufWriter& i64(std::string_view key, int64_t v) { return scalar(key, GgufValueType::kI64, v); }
  GgufWriter& f32(std::string_view key, float v) { return scalar(key, GgufValueType::kF32, v); }
  GgufWriter& f64(std::string_view key, double v) { return scalar(key, GgufValueType::kF64, v); }
  GgufWriter& boolean(std::string_view key, bool v) {
    return scalar(key, GgufValueType::kBool, static_cast<uint8_t>(v));
  }
  GgufWriter& string(std::string_view key, std::string_view v) {
    return raw(key, GgufValueType::kString, ByteWriter().text(v).bytes);
  }
  GgufWriter& strings(std::string_view key, std::span<const std::string> values) {
    ByteWriter value;
    value.put(GgufValueType::kString).put<uint64_t>(values.size());
    for (const std::string& v : values) value.text(v);
    return raw(key, GgufValueType::kArray, value.bytes);
  }
  template <typename T>
  GgufWriter& array(std::string_view key, GgufValueType element, std::span<const T> values) {
    ByteWriter value;
    value.put(element).put<uint64_t>(values.size()).append(std::as_bytes(values));
    return raw(key, GgufValueType::kArray, value.bytes);
  }
  GgufWriter& f32s(std::string_view key, const std::vector<float>& v) {
    return array<float>(key, GgufValueType::kF32, v);
  }
  GgufWriter& i32s(std::string_view key, const std::vector<int32_t>& v) {
    return array<int32_t>(key, GgufValueType::kI32, v);
  }
  GgufWriter& alignment_key(uint32_t bytes) {
    alignment = bytes;
    return u32("general.alignment", bytes);
  }
  // Any encoded value, right or wrong.
  GgufWriter& raw(std::string_view key, GgufValueType type, std::span<const std::byte> encoded) {
    entries_.text(key).put(type).append(encoded);
    ++entries_written_;
    return *this;
  }

  GgufWriter& tensor(Tensor tensor) {
    tensors_.push_back(std::move(tensor));
    return *this;
  }
  GgufWriter& tensor(std::string_view name, std::vector<uint64_t> dims, TensorType type, std::vector<std::byte> data) {
    return tensor({std::string(name), std::move(dims), static_cast<uint32_t>(type), std::move(data), {}});
  }

  std::vector<std::byte> finish() const {
    ByteWriter file, data;
    file.put(magic).put(version);
    file.put<uint64_t>(tensor_count.value_or(tensors_.size())).put<uint64_t>(entry_count.value_or(entries_written_));
    file.append(entries_.bytes);
    for (const Tensor& t : tensors_) {
      file.text(t.name).put(static_cast<uint32_t>(t.dims.size()));
      for (const uint64_t dim : t.dims) file.put(dim);
      file.put(t.type).put<uint64_t>(t.offset.value_or(data.bytes.size()));
      data.append(t.data).pad(alignment);
    }
    return file.pad(alignment).append(data.bytes).bytes;
  }

 private:
  template <typename T>
  GgufWriter& scalar(std::string_view key, GgufValueType type, T value) {
    return raw(key, type, ByteWriter().put(value).bytes);
  }

  ByteWriter entries_;
  uint64_t entries_written_ = 0;
  std::vector<Tensor> tensors_;
};

inline std::vector<std::byte> f32_bytes(std::span<const float> values) {
  const auto bytes = std::as_bytes(values);
  return {bytes.begin(), bytes.end()};
}

// Random blocks of `type` for `values` values. The factors of the blocks are made finite and of about `scale`, so that
// the decoded values are ordinary numbers, the small integer scales are odd, so that none hides its values by being 0,
// and all other bits are random.
inline std::vector<std::byte> random_blocks(TensorType type, uint64_t values, uint32_t seed, float scale = 0.01f) {
  const TensorTypeInfo* info = tensor_type_info(type);
  std::mt19937 random(seed);
  const auto uniform = [&random] { return static_cast<float>(random() >> 8) * 0x1p-23f - 1.0f; };  // [-1, 1)
  std::vector<std::byte> bytes(values / info->block_values * info->block_bytes);
  if (type == TensorType::kF32) {
    for (size_t i = 0; i < bytes.size(); i += 4) {
      const float value = uniform();
      std::memcpy(bytes.data() + i, &value, 4);
    }
    return bytes;
  }
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() & 0xff);
  const auto make_odd = [&](size_t at, size_t count) {
    for (size_t i = 0; i < count; ++i) bytes[at + i] |= std::byte{0x11};
  };
  for (size_t block = 0; block < bytes.size(); block += info->block_bytes) {
    for (uint32_t i = 0; i < block_factors(type); ++i)
      set_block_factor(type, bytes.data() + block, i, scale * (1.0f + 0.5f * uniform()));
    if (info->block_values == 1) {
      const float value = uniform();
      const uint16_t half = type == TensorType::kBF16 ? float_to_bf16(value) : float_to_half(value);
      std::memcpy(bytes.data() + block, &half, 2);
    }
    if (type == TensorType::kQ4_K || type == TensorType::kQ5_K) make_odd(block + 4, 12);
    if (type == TensorType::kQ2_K) make_odd(block, 16);
    if (type == TensorType::kQ3_K) make_odd(block + 96, 8);
    if (type == TensorType::kQ6_K) make_odd(block + 192, 16);
    if (type == TensorType::kIQ4_XS) make_odd(block + 4, 4);
  }
  return bytes;
}

}  // namespace pumice::test
