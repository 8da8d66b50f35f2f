#include "text/chat/python.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "text/unicode.h"

namespace pumice::chat {
namespace {

void append_repr(const Value& value, MarkedText& to);

bool is_printable(uint32_t c) {
  if (c == ' ') return true;
  return !is_control(c) && !(char_class(c) & CharClass::kSpace);
}

// A string as Python's repr() has it: in single quotes unless it has some and no double ones.
void append_quoted(const MarkedText& text, MarkedText& to) {
  const bool has_single = text.bytes().find('\'') != std::string::npos;
  const char quote = has_single && text.bytes().find('"') == std::string::npos ? '"' : '\'';
  to.append(std::string(1, quote), true);
  const std::vector<size_t> starts = character_starts(text.view());
  for (size_t i = 0; i + 1 < starts.size(); ++i) {
    const std::string_view character = text.view().substr(starts[i], starts[i + 1] - starts[i]);
    const uint32_t c = first_unit(character).code_point;
    std::string spelt(character);
    char buffer[16];
    if (c == static_cast<uint32_t>(quote) || c == '\\') {
      spelt = std::string("\\") + static_cast<char>(c);
    } else if (c == '\n' || c == '\r' || c == '\t') {
      spelt = c == '\n' ? "\\n" : (c == '\r' ? "\\r" : "\\t");
    } else if (!is_printable(c)) {
      std::snprintf(buffer, sizeof(buffer), c < 0x100 ? "\\x%02x" : (c < 0x10000 ? "\\u%04x" : "\\U%08x"), c);
      spelt = buffer;
    }
    to.append(spelt, text.trusted_at(starts[i]));
  }
  to.append(std::string(1, quote), true);
}

void append_list(const ListRef& list, MarkedText& to) {
  const bool tuple = list.kind == ListKind::kTuple;
  to.append(tuple ? "(" : "[", true);
  for (size_t i = 0; i < list.list->items.size(); ++i) {
    if (i > 0) to.append(", ", true);
    append_repr(list.list->items[i], to);
  }
  if (tuple && list.list->items.size() == 1) to.append(",", true);
  to.append(tuple ? ")" : "]", true);
}

void append_dict(const Dict& dict, MarkedText& to) {
  to.append("{", true);
  for (size_t i = 0; i < dict.entries().size(); ++i) {
    if (i > 0) to.append(", ", true);
    append_repr(dict.entries()[i].first, to);
    to.append(": ", true);
    append_repr(dict.entries()[i].second, to);
  }
  to.append("}", true);
}

void append_repr(const Value& value, MarkedText& to) {
  const ListRef* list = value.get<ListRef>();
  if (value.is_undefined()) {
    to.append("Undefined", true);
  } else if (value.is_none()) {
    to.append("None", true);
  } else if (const bool* flag = value.get<bool>()) {
    to.append(*flag ? "True" : "False", true);
  } else if (const int64_t* integer = value.get<int64_t>()) {
    to.append(std::to_string(*integer), true);
  } else if (const double* number = value.get<double>()) {
    to.append(float_text(*number), true);
  } else if (const MarkedText* text = value.text()) {
    append_quoted(*text, to);
  } else if (list && list->kind != ListKind::kGenerator) {
    append_list(*list, to);
  } else if (const Dict* dict = value.dict()) {
    append_dict(*dict, to);
  } else {
    to.append(std::string("<") + value.type_name() + ">", true);
  }
}

}  // namespace

std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char digits[40];
  const auto made = std::to_chars(digits, digits + sizeof(digits), value, std::chars_format::scientific);
  const std::string scientific(digits, made.ptr);  // d.ddde±XX
  const size_t e = scientific.find('e');
  const int exponent = std::atoi(scientific.c_str() + e + 1);
  if (exponent < -4 || exponent >= 16) return scientific;
  const auto fixed = std::to_chars(digits, digits + sizeof(digits), value, std::chars_format::fixed);
  std::string text(digits, fixed.ptr);
  if (text.find('.') == std::string::npos) text += ".0";
  return text;
}

MarkedText str(const Value& value) {
  if (const MarkedText* text = value.text()) return *text;
  if (value.is_undefined()) return {};
  return repr(value);
}

MarkedText repr(const Value& value) {
  MarkedText text;
  append_repr(value, text);
  return text;
}

bool is_python_space(uint32_t c) { return (c >= 0x1c && c <= 0x1f) || (char_class(c) & CharClass::kSpace) != 0; }

MarkedText stripped(const MarkedText& text, Ends ends, const std::string* characters) {
  const std::vector<size_t> starts = character_starts(text.view());
  const auto goes = [&](size_t i) {
    const std::string_view character = text.view().substr(starts[i], starts[i + 1] - starts[i]);
    if (characters) return characters->find(character) != std::string::npos;
    const Utf8Unit unit = first_unit(character);
    return unit.state == Utf8State::kValid && is_python_space(unit.code_point);
  };
  size_t first = 0, last = starts.size() - 1;
  while (ends != Ends::kRight && first < last && goes(first)) ++first;
  while (ends != Ends::kLeft && last > first && goes(last - 1)) --last;
  return text.substr(starts[first], starts[last] - starts[first]);
}

std::vector<size_t> character_starts(std::string_view text) {
  std::vector<size_t> starts;
  for (size_t at = 0; at < text.size();) {
    starts.push_back(at);
    const Utf8Unit unit = first_unit(text.substr(at, 4));
    at += unit.state == Utf8State::kValid ? unit.length : 1;
  }
  starts.push_back(text.size());
  return starts;
}

size_t character_count(std::string_view text) { return character_starts(text).size() - 1; }

MarkedText escaped_html(const MarkedText& text) {
  if (text.safe) return text;
  MarkedText result = map_characters(text, [](std::string_view character, size_t, std::string& to) {
    const char c = character.front();
    to = c == '&'    ? "&amp;"
         : c == '<'  ? "&lt;"
         : c == '>'  ? "&gt;"
         : c == '"'  ? "&#34;"
         : c == '\'' ? "&#39;"
                     : std::string(character);
  });
  result.safe = true;
  return result;
}

MarkedText joined(const MarkedText& a, const MarkedText& b) {
  if (a.safe != b.safe) return a.safe ? joined(a, escaped_html(b)) : joined(escaped_html(a), b);
  MarkedText both = a;
  both.append(b);
  return both;
}

}  // namespace pumice::chat
