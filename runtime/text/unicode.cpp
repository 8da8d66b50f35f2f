#include "text/unicode.h"

#include <utf8proc.h>

#include <array>

namespace pumice {
namespace {

constexpr uint32_t kReplacement = 0xFFFD;

struct LeadByte {
  uint32_t length = 0;  // 0: not a lead byte
  uint8_t second_min = 0x80;
  uint8_t second_max = 0xBF;
};

// Unicode 15, table 3-7: the second byte's range is what excludes overlong forms, surrogates and values above U+10FFFF.
LeadByte lead_byte(uint8_t byte) {
  if (byte < 0x80) return {1};
  if (byte >= 0xC2 && byte <= 0xDF) return {2};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {3};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {4};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {};
}

bool is_white_space(uint32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

uint8_t class_of_category(uint32_t code_point) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(code_point))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return CharClass::kLetter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return CharClass::kNumber;
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
      return CharClass::kPunctuation;
    case UTF8PROC_CATEGORY_SM:
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_SK:
    case UTF8PROC_CATEGORY_SO:
      return CharClass::kSymbol;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return CharClass::kMark;
    default:
      return CharClass::kOther;
  }
}

bool stands_for_itself(uint32_t byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

}  // namespace

Utf8Unit first_unit(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const LeadByte lead = lead_byte(byte(0));
  if (lead.length == 0) return {Utf8State::kInvalid, 1, kReplacement};
  if (lead.length == 1) return {Utf8State::kValid, 1, byte(0)};
  uint32_t code_point = byte(0) & (0x7Fu >> lead.length);
  for (uint32_t i = 1; i < lead.length; ++i) {
    if (i == text.size()) return {Utf8State::kIncomplete, i, kReplacement};
    const uint8_t low = i == 1 ? lead.second_min : uint8_t{0x80};
    const uint8_t high = i == 1 ? lead.second_max : uint8_t{0xBF};
    if (byte(i) < low || byte(i) > high) return {Utf8State::kInvalid, i, kReplacement};
    code_point = (code_point << 6) | (byte(i) & 0x3Fu);
  }
  return {Utf8State::kValid, lead.length, code_point};
}

void append_utf8(std::string& out, uint32_t code_point) {
  const auto put = [&](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3F));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

uint8_t char_class(uint32_t code_point) {
  if ((code_point | 0x20) - 'a' < 26) return CharClass::kLetter;  // most text, at a fraction of the table's cost
  if (is_white_space(code_point)) return CharClass::kSpace;
  return class_of_category(code_point);
}

bool is_control(uint32_t code_point) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(code_point))) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CS:
      return true;
    default:
      return false;
  }
}

uint32_t to_lower(uint32_t code_point) {
  if (code_point < 0x80) return code_point - 'A' < 26 ? code_point + ('a' - 'A') : code_point;
  return static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code_point)));
}

uint32_t to_upper(uint32_t code_point) {
  if (code_point < 0x80) return code_point - 'a' < 26 ? code_point - ('a' - 'A') : code_point;
  return static_cast<uint32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(code_point)));
}

uint32_t base_character(uint32_t code_point) {
  if (code_point < 0xC0) return code_point;
  std::array<utf8proc_int32_t, 32> parts{};
  int last_class = 0;
  const auto count =
      utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code_point), parts.data(),
                              static_cast<utf8proc_ssize_t>(parts.size()), UTF8PROC_DECOMPOSE, &last_class);
  return count > 0 ? static_cast<uint32_t>(parts[0]) : code_point;
}

uint32_t byte_to_alphabet(uint8_t byte) {
  if (stands_for_itself(byte)) return byte;
  if (byte <= 0x20) return 0x100u + byte;
  if (byte <= 0xA0) return 0x100u + 0x21 + (byte - 0x7Fu);
  return 0x143;  // 0xAD, the soft hyphen, is the last
}

std::optional<uint8_t> alphabet_to_byte(uint32_t code_point) {
  if (code_point < 0x100) {
    if (stands_for_itself(code_point)) return static_cast<uint8_t>(code_point);
    return std::nullopt;
  }
  const uint32_t n = code_point - 0x100;
  if (n <= 0x20) return static_cast<uint8_t>(n);
  if (n <= 0x42) return static_cast<uint8_t>(n - 0x21 + 0x7F);
  if (n == 0x43) return uint8_t{0xAD};
  return std::nullopt;
}

std::optional<std::string> decode_alphabet(std::string_view name) {
  std::string bytes;
  bytes.reserve(name.size());
  while (!name.empty()) {
    const Utf8Unit unit = first_unit(name);
    if (unit.state != Utf8State::kValid) return std::nullopt;
    const std::optional<uint8_t> byte = alphabet_to_byte(unit.code_point);
    if (!byte) return std::nullopt;
    bytes.push_back(static_cast<char>(*byte));
    name.remove_prefix(unit.length);
  }
  return bytes;
}

}  // namespace pumice
