// UTF-8 decoding, character classes, and the byte alphabet of byte-level BPE.
//
// Sources: Unicode 15, section 3.9 (UTF-8, maximal subparts) and the White_Space property; categories come from
// libutf8proc. The byte alphabet is GPT-2's: a printable Latin-1 byte stands for itself, the n-th of the other bytes is
// U+0100 + n.
// Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pumice {

inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81";         // U+2581, a space in SentencePiece's tokens
inline constexpr std::string_view kReplacementBytes = "\xEF\xBF\xBD";  // U+FFFD

enum class Utf8State {
  kValid,       // a whole character
  kInvalid,     // bytes that no continuation can make a character
  kIncomplete,  // the text ends inside what may become a character
};

struct Utf8Unit {
  Utf8State state = Utf8State::kInvalid;
  uint32_t length = 0;      // bytes of the character, or of the maximal subpart that is not one
  uint32_t code_point = 0;  // U+FFFD unless valid
};

// The unit at the start of a text that is not empty. Overlong forms and surrogates are invalid.
Utf8Unit first_unit(std::string_view text);

void append_utf8(std::string& out, uint32_t code_point);

// One bit each, so that a class of a regular expression is a mask. A whitespace character has kSpace and no other bit.
struct CharClass {
  static constexpr uint8_t kLetter = 1;
  static constexpr uint8_t kNumber = 2;
  static constexpr uint8_t kPunctuation = 4;
  static constexpr uint8_t kSymbol = 8;
  static constexpr uint8_t kMark = 16;
  static constexpr uint8_t kSpace = 32;
  static constexpr uint8_t kOther = 64;
};

uint8_t char_class(uint32_t code_point);

bool is_control(uint32_t code_point);  // categories Cc, Cf, Co, Cs
uint32_t to_lower(uint32_t code_point);
uint32_t to_upper(uint32_t code_point);
// The first character of the canonical decomposition: the letter without its accents.
uint32_t base_character(uint32_t code_point);

// The character that stands for a byte, and back.
uint32_t byte_to_alphabet(uint8_t byte);
std::optional<uint8_t> alphabet_to_byte(uint32_t code_point);

// The bytes that a name in the alphabet spells; nothing if a character is not of the alphabet.
std::optional<std::string> decode_alphabet(std::string_view name);

}  // namespace pumice
