// How Python spells and measures values: str(), repr(), floats, white space, characters of a string.
//
// Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/chat/value.h"

namespace pumice::chat {

std::string float_text(double value);  // as repr() spells it: 9.5, 1e-07, inf
MarkedText str(const Value& value);
MarkedText repr(const Value& value);

bool is_python_space(uint32_t code_point);
// The text without white space, or without the characters given, at one end or both.
enum class Ends { kBoth, kLeft, kRight };
MarkedText stripped(const MarkedText& text, Ends ends, const std::string* characters);

// Where each character begins, and the end; a byte that is no UTF-8 is a character.
std::vector<size_t> character_starts(std::string_view text);
size_t character_count(std::string_view text);

// Each character by `map`, which appends; the mark stays.
template <typename Map>
MarkedText map_characters(const MarkedText& text, Map map) {
  MarkedText result;
  const std::vector<size_t> starts = character_starts(text.view());
  for (size_t i = 0; i + 1 < starts.size(); ++i) {
    std::string to;
    map(text.view().substr(starts[i], starts[i + 1] - starts[i]), i, to);
    result.append(to, text.trusted_at(starts[i]));
  }
  result.safe = text.safe;
  return result;
}

// & < > " ' as HTML entities; the result is safe. A text that is safe stays as it is.
MarkedText escaped_html(const MarkedText& text);
// Joins as Python's + does: where one is safe, the other is escaped.
MarkedText joined(const MarkedText& a, const MarkedText& b);

}  // namespace pumice::chat
