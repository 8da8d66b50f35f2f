#include <algorithm>
#include <charconv>

#include "base/printable.h"
#include "format/gguf.h"
#include "format/gguf_reader.h"

namespace pumice {
namespace {

constexpr size_t kMinRender = 48;

template <typename T>
std::string number_text(const std::byte* at) {
  char text[32];
  const T value = load_unaligned<T>(at);
  return {text, std::to_chars(text, text + sizeof(text), value).ptr};
}

// Length of the well-formed UTF-8 sequence at the start of `text`; 0 if there is none.
size_t utf8_length(std::string_view text) {
  const auto byte = [text](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if (first == 0xe0 && byte(1) < 0xa0) return 0;  // longer than need be
  if (first == 0xed && byte(1) > 0x9f) return 0;  // surrogate
  if (first == 0xf0 && byte(1) < 0x90) return 0;
  if (first == 0xf4 && byte(1) > 0x8f) return 0;  // beyond U+10FFFF
  return length;
}

// The printable form of the first character of `text`, whose length is added to `used`.
std::string escaped(std::string_view text, size_t& used) {
  const size_t length = std::max<size_t>(utf8_length(text), 1);
  used += length;
  if (text[0] == '"' || text[0] == '\\') return {'\\', text[0]};
  return printable(text.substr(0, length));
}

std::string render_scalar(const GgufValue& value, size_t max_chars) {
  const std::byte* at = value.bytes.data();
  switch (value.type) {
    case GgufValueType::kU8:
      return number_text<uint8_t>(at);
    case GgufValueType::kI8:
      return number_text<int8_t>(at);
    case GgufValueType::kU16:
      return number_text<uint16_t>(at);
    case GgufValueType::kI16:
      return number_text<int16_t>(at);
    case GgufValueType::kU32:
      return number_text<uint32_t>(at);
    case GgufValueType::kI32:
      return number_text<int32_t>(at);
    case GgufValueType::kU64:
      return number_text<uint64_t>(at);
    case GgufValueType::kI64:
      return number_text<int64_t>(at);
    case GgufValueType::kF32:
      return number_text<float>(at);
    case GgufValueType::kF64:
      return number_text<double>(at);
    case GgufValueType::kBool:
      return *at != std::byte{0} ? "true" : "false";
    case GgufValueType::kString:
      return quote(*value.as_string(), max_chars);
    case GgufValueType::kArray:
      break;
  }
  return render(value, max_chars);
}

const char* scalar_type_name(GgufValueType type) {
  constexpr const char* kNames[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                    "bool", "string", "array", "u64", "i64", "f64"};
  const auto number = static_cast<uint32_t>(type);
  return number < std::size(kNames) ? kNames[number] : "unknown";
}

}  // namespace

std::string quote(std::string_view text, size_t max_chars) {
  constexpr size_t kEnd = 4;  // the closing quote and dots
  max_chars = std::max(max_chars, 2 * kEnd);
  std::string out = "\"";
  size_t cut = out.size();  // where the dots can still follow
  size_t used = 0;
  while (used < text.size()) {
    const std::string piece = escaped(text.substr(used), used);
    if (out.size() + piece.size() + 1 > max_chars) return out.substr(0, cut) + "\"...";
    out += piece;
    if (out.size() + kEnd <= max_chars) cut = out.size();
  }
  return out + "\"";
}

std::string render(const GgufValue& value, size_t max_chars) {
  max_chars = std::max(max_chars, kMinRender);
  if (!value.is_array()) return render_scalar(value, max_chars);
  const std::string tail = "] (" + std::to_string(value.count) + " in all)";
  const size_t budget = max_chars - std::min(max_chars, tail.size() + 5);
  std::string out = "[";
  GgufElements elements(value);
  for (uint64_t i = 0; i < value.count; ++i) {
    const std::string piece = render_scalar(elements.next(), kMinRender);
    if (out.size() + piece.size() + 2 > budget) return out + (i > 0 ? ", ..." : "...") + tail;
    if (i > 0) out += ", ";
    out += piece;
  }
  return out + "]";
}

std::string value_type_name(const GgufValue& value) {
  if (!value.is_array()) return scalar_type_name(value.type);
  return std::string("[") + scalar_type_name(value.element_type) + "]";
}

std::string render_shape(const GgufTensor& tensor) {
  std::string out = "(";
  for (uint32_t i = 0; i < tensor.dim_count; ++i) out += (i > 0 ? ", " : "") + std::to_string(tensor.dims[i]);
  return out + ")";
}

}  // namespace pumice
