#include "format/gguf.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "format/gguf_reader.h"

namespace pumice {
namespace {

// Calls `use` with the value as int64_t or uint64_t or double, whichever holds it exactly; false for other types.
template <typename Use>
bool with_number(GgufValueType type, const std::byte* at, Use&& use) {
  switch (type) {
    case GgufValueType::kU8:
      use(uint64_t{load_unaligned<uint8_t>(at)});
      return true;
    case GgufValueType::kI8:
      use(int64_t{load_unaligned<int8_t>(at)});
      return true;
    case GgufValueType::kU16:
      use(uint64_t{load_unaligned<uint16_t>(at)});
      return true;
    case GgufValueType::kI16:
      use(int64_t{load_unaligned<int16_t>(at)});
      return true;
    case GgufValueType::kU32:
      use(uint64_t{load_unaligned<uint32_t>(at)});
      return true;
    case GgufValueType::kI32:
      use(int64_t{load_unaligned<int32_t>(at)});
      return true;
    case GgufValueType::kU64:
      use(load_unaligned<uint64_t>(at));
      return true;
    case GgufValueType::kI64:
      use(load_unaligned<int64_t>(at));
      return true;
    case GgufValueType::kF32:
      use(double{load_unaligned<float>(at)});
      return true;
    case GgufValueType::kF64:
      use(load_unaligned<double>(at));
      return true;
    default:
      return false;
  }
}

bool is_float(GgufValueType type) { return type == GgufValueType::kF32 || type == GgufValueType::kF64; }

// A double beyond the range of float becomes an infinity.
float narrow(double value) {
  constexpr double kMax = std::numeric_limits<float>::max();
  if (value > kMax) return std::numeric_limits<float>::infinity();
  if (value < -kMax) return -std::numeric_limits<float>::infinity();
  return static_cast<float>(value);
}

std::optional<int64_t> integer_at(GgufValueType type, const std::byte* at) {
  std::optional<int64_t> result;
  with_number(type, at, [&](auto number) {
    if constexpr (std::is_same_v<decltype(number), uint64_t>) {
      if (number <= static_cast<uint64_t>(INT64_MAX)) result = static_cast<int64_t>(number);
    } else if constexpr (std::is_same_v<decltype(number), int64_t>) {
      result = number;
    }
  });
  return result;
}

}  // namespace

std::optional<uint64_t> GgufValue::as_u64() const {
  if (type == GgufValueType::kU64) return load_unaligned<uint64_t>(bytes.data());
  const std::optional<int64_t> number = as_i64();
  if (!number || *number < 0) return std::nullopt;
  return static_cast<uint64_t>(*number);
}

std::optional<int64_t> GgufValue::as_i64() const { return integer_at(type, bytes.data()); }

std::optional<float> GgufValue::as_f32() const {
  if (type == GgufValueType::kF32) return load_unaligned<float>(bytes.data());
  std::optional<float> result;
  with_number(type, bytes.data(), [&](auto number) { result = narrow(static_cast<double>(number)); });
  return result;
}

std::optional<bool> GgufValue::as_bool() const {
  if (type != GgufValueType::kBool) return std::nullopt;
  return bytes[0] != std::byte{0};
}

std::optional<std::string_view> GgufValue::as_string() const {
  if (type != GgufValueType::kString) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::optional<std::vector<std::string_view>> GgufValue::as_strings() const {
  if (!is_array() || element_type != GgufValueType::kString) return std::nullopt;
  std::vector<std::string_view> strings;
  strings.reserve(count);
  GgufElements elements(*this);
  for (uint64_t i = 0; i < count; ++i) strings.push_back(*elements.next().as_string());
  return strings;
}

std::optional<std::vector<float>> GgufValue::as_f32_array() const {
  if (!is_array() || !is_float(element_type)) return std::nullopt;
  std::vector<float> values(count);
  const size_t size = scalar_bytes(element_type);
  if (element_type == GgufValueType::kF32) {
    if (count > 0) std::memcpy(values.data(), bytes.data(), bytes.size());
  } else {
    for (uint64_t i = 0; i < count; ++i) values[i] = narrow(load_unaligned<double>(bytes.data() + i * size));
  }
  return values;
}

std::optional<std::vector<int32_t>> GgufValue::as_i32_array() const {
  if (!is_array() || is_float(element_type) || scalar_bytes(element_type) == 0) return std::nullopt;
  const GgufValueType integer = element_type == GgufValueType::kBool ? GgufValueType::kU8 : element_type;
  const size_t size = scalar_bytes(integer);
  std::vector<int32_t> values(count);
  for (uint64_t i = 0; i < count; ++i) {
    const std::optional<int64_t> number = integer_at(integer, bytes.data() + i * size);
    if (!number || *number < INT32_MIN || *number > INT32_MAX) return std::nullopt;
    values[i] = static_cast<int32_t>(*number);
  }
  return values;
}

const GgufValue* Gguf::find(std::string_view key) const { return find_entry(entries_, entries_by_key_, key); }

std::optional<uint64_t> Gguf::get_u64(std::string_view key) const {
  const GgufValue* value = find(key);
  return value ? value->as_u64() : std::nullopt;
}

std::optional<uint32_t> Gguf::get_u32(std::string_view key) const {
  const std::optional<uint64_t> number = get_u64(key);
  if (!number || *number > UINT32_MAX) return std::nullopt;
  return static_cast<uint32_t>(*number);
}

std::optional<int64_t> Gguf::get_i64(std::string_view key) const {
  const GgufValue* value = find(key);
  return value ? value->as_i64() : std::nullopt;
}

std::optional<float> Gguf::get_f32(std::string_view key) const {
  const GgufValue* value = find(key);
  return value ? value->as_f32() : std::nullopt;
}

std::optional<bool> Gguf::get_bool(std::string_view key) const {
  const GgufValue* value = find(key);
  return value ? value->as_bool() : std::nullopt;
}

std::optional<std::string_view> Gguf::get_string(std::string_view key) const {
  const GgufValue* value = find(key);
  return value ? value->as_string() : std::nullopt;
}

std::optional<std::vector<std::string_view>> Gguf::get_strings(std::string_view key) const {
  const GgufValue* value = find(key);
  return value ? value->as_strings() : std::nullopt;
}

std::optional<std::vector<float>> Gguf::get_f32_array(std::string_view key) const {
  const GgufValue* value = find(key);
  return value ? value->as_f32_array() : std::nullopt;
}

std::optional<std::vector<int32_t>> Gguf::get_i32_array(std::string_view key) const {
  const GgufValue* value = find(key);
  return value ? value->as_i32_array() : std::nullopt;
}

const GgufTensor* Gguf::find_tensor(std::string_view name) const {
  const auto found = std::lower_bound(tensors_by_name_.begin(), tensors_by_name_.end(), name,
                                      [this](uint32_t i, std::string_view n) { return tensors_[i].name < n; });
  return found != tensors_by_name_.end() && tensors_[*found].name == name ? &tensors_[*found] : nullptr;
}

uint64_t Gguf::parameter_count() const {
  uint64_t sum = 0;
  for (const GgufTensor& tensor : tensors_) sum += tensor.cols() * tensor.rows();
  return sum;
}

}  // namespace pumice
