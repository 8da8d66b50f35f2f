#include "convert/metadata.h"

namespace pumice {

void GgufMetadata::begin(std::string_view key, GgufValueType type) {
  to_.gguf_string(key);
  to_.put(type);
  ++count_;
}

void GgufMetadata::begin_array(std::string_view key, GgufValueType type, uint64_t count) {
  begin(key, GgufValueType::kArray);
  to_.put(type);
  to_.put(count);
}

void GgufMetadata::u32(std::string_view key, uint64_t value) {
  begin(key, GgufValueType::kU32);
  to_.put(static_cast<uint32_t>(value));
}

void GgufMetadata::f32(std::string_view key, double value) {
  begin(key, GgufValueType::kF32);
  to_.put(static_cast<float>(value));
}

void GgufMetadata::boolean(std::string_view key, bool value) {
  begin(key, GgufValueType::kBool);
  to_.put(static_cast<uint8_t>(value));
}

void GgufMetadata::string(std::string_view key, std::string_view value) {
  begin(key, GgufValueType::kString);
  to_.gguf_string(value);
}

void GgufMetadata::strings(std::string_view key, std::span<const std::string> values) {
  begin_array(key, GgufValueType::kString, values.size());
  for (const std::string& value : values) to_.gguf_string(value);
}

void GgufMetadata::numbers(std::string_view key, std::span<const float> values) {
  begin_array(key, GgufValueType::kF32, values.size());
  to_.append(std::as_bytes(values));
}

void GgufMetadata::numbers(std::string_view key, std::span<const int32_t> values) {
  begin_array(key, GgufValueType::kI32, values.size());
  to_.append(std::as_bytes(values));
}

void GgufMetadata::octets(std::string_view key, std::string_view bytes) {
  begin_array(key, GgufValueType::kU8, bytes.size());
  to_.append(bytes);
}

void GgufMetadata::copy(const GgufEntry& entry) {
  const GgufValue& value = entry.value;
  if (value.is_array()) {
    begin_array(entry.key, value.element_type, value.count);
  } else {
    begin(entry.key, value.type);
    if (value.type == GgufValueType::kString) to_.put<uint64_t>(value.bytes.size());
  }
  to_.append(value.bytes);
}

}  // namespace pumice
