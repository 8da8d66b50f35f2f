// The characters that a class or an escape of a regular expression names; shared by pattern.cpp and GBNF.
#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"
#include "grammar/characters.h"

namespace pumice::grammar {

// A cursor over a text that is UTF-8.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}
  bool done() const { return at_ >= text_.size(); }
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  uint32_t take_character();  // U+FFFD for a byte that is none
  std::optional<uint32_t> take_hex(size_t digits);
  std::optional<uint32_t> take_number();  // decimal; saturates
  size_t at() const { return at_; }
  void back_to(size_t at) { at_ = at; }
  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

Error pattern_error(Status status, const Cursor& cursor, const char* what);

// \d, \w, \s and their opposites.
std::optional<CharSet> class_escape(char letter);

// After the backslash: one character or a class.
Result<CharSet> escape(Cursor& cursor, bool in_class);

// After the opening bracket.
Result<CharSet> bracket_class(Cursor& cursor);

}  // namespace pumice::grammar
