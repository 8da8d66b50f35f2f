#include "grammar/pattern_class.h"

#include <algorithm>
#include <cstring>

#include "text/unicode.h"

namespace pumice::grammar {
namespace {

const CharSet kDigits{{'0', '9'}};
const CharSet kWord{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
const CharSet kSpaces{{9, 13},          {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
                      {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};

CharSet of_class(uint8_t mask) {
  CharSet set;
  for (uint32_t point = 0, begin = 0; point <= 0x110000; ++point) {
    const bool in = point <= 0x10FFFF && (char_class(point) & mask) != 0;
    if (in) continue;
    if (point > begin) set.add(begin, point - 1);
    begin = point + 1;
  }
  return set;
}

Result<CharSet> property(Cursor& cursor, bool negated) {
  static constexpr struct {
    const char* names[2];
    uint8_t mask;
  } kKnown[] = {{{"{L}", "{Letter}"}, CharClass::kLetter},
                {{"{N}", "{Number}"}, CharClass::kNumber},
                {{"{P}", "{Punctuation}"}, CharClass::kPunctuation},
                {{"{S}", "{Symbol}"}, CharClass::kSymbol},
                {{"{M}", "{Mark}"}, CharClass::kMark}};
  for (const auto& known : kKnown)
    for (const char* name : known.names)
      if (cursor.take(name)) return negated ? of_class(known.mask).complement() : of_class(known.mask);
  return pattern_error(Status::kUnsupported, cursor, "of character properties only L, N, P, S, M are known");
}

}  // namespace

uint32_t Cursor::take_character() {
  if (done()) return 0xFFFD;
  const Utf8Unit unit = first_unit(text_.substr(at_));
  at_ += std::max(unit.length, 1u);
  return unit.state == Utf8State::kValid ? unit.code_point : 0xFFFD;
}

std::optional<uint32_t> Cursor::take_hex(size_t digits) {
  uint32_t value = 0;
  for (size_t i = 0; i < digits; ++i) {
    const char c = peek(i);
    const char lower = static_cast<char>(c | 0x20);
    if (!(c >= '0' && c <= '9') && !(lower >= 'a' && lower <= 'f')) return std::nullopt;
    value = value * 16 + static_cast<uint32_t>(c <= '9' ? c - '0' : lower - 'a' + 10);
  }
  at_ += digits;
  return value;
}

std::optional<uint32_t> Cursor::take_number() {
  if (peek() < '0' || peek() > '9') return std::nullopt;
  uint64_t value = 0;
  for (; peek() >= '0' && peek() <= '9'; ++at_)
    value = std::min<uint64_t>(value * 10 + static_cast<uint64_t>(peek() - '0'), kUnbounded - 1);
  return static_cast<uint32_t>(value);
}

Error pattern_error(Status status, const Cursor& cursor, const char* what) {
  return error(status, "regular expression, byte %zu: %s", cursor.at() + 1, what);
}

std::optional<CharSet> class_escape(char letter) {
  switch (letter) {
    case 'd':
      return kDigits;
    case 'D':
      return kDigits.complement();
    case 'w':
      return kWord;
    case 'W':
      return kWord.complement();
    case 's':
      return kSpaces;
    case 'S':
      return kSpaces.complement();
    default:
      return std::nullopt;
  }
}

namespace {

Result<CharSet> one_character(uint32_t point) {
  CharSet set;
  set.add(point);
  return set;
}

// \u: four digits, a pair of surrogates, or \u{…}.
Result<CharSet> unicode_escape(Cursor& cursor) {
  std::optional<uint32_t> point;
  if (cursor.take("{")) {
    size_t digits = 0;
    while (digits < 7 && cursor.peek(digits) != '}' && cursor.peek(digits) != '\0') ++digits;
    if (digits > 0) point = cursor.take_hex(digits);
    if (!cursor.take("}") || point > 0x10FFFF) point.reset();
  } else {
    point = cursor.take_hex(4);
    const size_t back = cursor.at();
    if (point && *point >= 0xD800 && *point < 0xDC00 && cursor.take("\\u")) {
      const auto low = cursor.take_hex(4);
      if (low && *low >= 0xDC00 && *low < 0xE000) {
        point = 0x10000 + ((*point - 0xD800) << 10) + (*low - 0xDC00);
      } else {
        cursor.back_to(back);
      }
    }
  }
  if (!point) return pattern_error(Status::kMalformed, cursor, "hexadecimal digits are expected");
  return one_character(*point);
}

}  // namespace

Result<CharSet> escape(Cursor& cursor, bool in_class) {
  if (cursor.done()) return pattern_error(Status::kMalformed, cursor, "it ends with a backslash");
  const char letter = cursor.peek();
  if (auto set = class_escape(letter)) {
    cursor.take_character();
    return *set;
  }
  if (letter == 'b' && in_class) {
    cursor.take("b");
    return one_character('\b');
  }
  if (cursor.take("p")) return property(cursor, false);
  if (cursor.take("P")) return property(cursor, true);
  if (cursor.take("u")) return unicode_escape(cursor);
  if (cursor.take("x")) {
    const auto value = cursor.take_hex(2);
    if (!value) return pattern_error(Status::kMalformed, cursor, "two hexadecimal digits are expected");
    return one_character(*value);
  }
  const char next = cursor.peek(1);
  if (letter == 'c' && (next | 0x20) >= 'a' && (next | 0x20) <= 'z') {
    cursor.take("c");
    return one_character(cursor.take_character() & 31);
  }
  static constexpr char kLetters[] = "tnrfv0", kMeant[] = "\t\n\r\f\v\0";
  if (const char* known = std::strchr(kLetters, letter); known && !(letter == '0' && next >= '0' && next <= '9')) {
    cursor.take_character();
    return one_character(static_cast<uint8_t>(kMeant[known - kLetters]));
  }
  const bool is_word = (letter >= '0' && letter <= '9') || ((letter | 0x20) >= 'a' && (letter | 0x20) <= 'z');
  if (is_word) return pattern_error(Status::kUnsupported, cursor, "this escape is not supported");
  return one_character(cursor.take_character());
}

Result<CharSet> bracket_class(Cursor& cursor) {
  const bool negated = cursor.take("^");
  CharSet set;
  while (!cursor.take("]")) {
    if (cursor.done()) return pattern_error(Status::kMalformed, cursor, "a class is not closed by ]");
    const auto item = [&]() -> Result<CharSet> {
      if (cursor.take("\\")) return escape(cursor, true);
      CharSet one;
      one.add(cursor.take_character());
      return one;
    };
    PUMICE_ASSIGN(const CharSet first, item());
    const auto single = [](const CharSet& part) {
      return part.ranges().size() == 1 && part.ranges()[0].first == part.ranges()[0].second;
    };
    // A surrogate is no character; a range of surrogates is empty.
    const bool bound = single(first) || first.ranges().empty();
    if (!bound || cursor.peek() != '-' || cursor.peek(1) == ']' || cursor.peek(1) == '\0') {
      set.add(first);
      continue;
    }
    const size_t back = cursor.at();
    cursor.take("-");
    PUMICE_ASSIGN(const CharSet last, item());
    if (first.ranges().empty() && last.ranges().empty()) continue;
    if (!single(first) || !single(last)) {
      if (last.ranges().empty() || first.ranges().empty())
        return pattern_error(Status::kUnsupported, cursor, "a range begins or ends with a surrogate");
      cursor.back_to(back);
      set.add(first);
      cursor.take("-");
      set.add('-');
      continue;
    }
    const uint32_t low = first.ranges()[0].first, high = last.ranges()[0].first;
    if (low > high) return pattern_error(Status::kMalformed, cursor, "a range of a class is the wrong way round");
    set.add(low, high);
  }
  return negated ? set.complement() : set;
}

}  // namespace pumice::grammar
