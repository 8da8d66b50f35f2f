#include "base/printable.h"

#include <cstdint>
#include <cstdio>

namespace pumice {
namespace {

struct Character {
  size_t length = 0;  // 0: the first byte begins no character
  uint32_t code = 0;
};

// Of a text that is not empty. Overlong forms, surrogates and what lies beyond U+10FFFF are no characters.
Character first_character(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return {1, first};
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return {};
  uint32_t code = first & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3fu);
  }
  constexpr uint32_t kFirst[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kFirst[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
  return {length, code};
}

bool steers(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x61c || code == 0x200e || code == 0x200f ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

void append_escape(std::string& to, uint32_t code) {
  char escape[16];
  std::snprintf(escape, sizeof escape, code < 0x100 ? "\\x%02x" : "\\u{%x}", static_cast<unsigned>(code));
  to += code == '\n' ? "\\n" : code == '\t' ? "\\t" : escape;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const Character character = first_character(text);
    if (character.length == 0) {
      append_escape(clean, static_cast<unsigned char>(text[0]));
    } else if (steers(character.code)) {
      append_escape(clean, character.code);
    } else {
      clean += text.substr(0, character.length);
    }
    text.remove_prefix(character.length == 0 ? 1 : character.length);
  }
  return clean;
}

}  // namespace pumice
