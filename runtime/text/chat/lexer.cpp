#include "text/chat/lexer.h"

#include <algorithm>
#include <cctype>

#include "base/printable.h"
#include "text/chat/python.h"
#include "text/unicode.h"

namespace pumice::chat {
namespace {

bool is_name_start(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || (c & 0x80); }
bool is_name_part(char c) { return is_name_start(c) || std::isdigit(static_cast<unsigned char>(c)); }
bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// A string literal's body as Python's "unicode_escape" reads it.
std::string unescaped(std::string_view body) {
  std::string to;
  for (size_t i = 0; i < body.size(); ++i) {
    if (body[i] != '\\' || i + 1 == body.size()) {
      to += body[i];
      continue;
    }
    const char c = body[++i];
    static constexpr std::string_view kNames = "\\'\"abfnrtv", kBytes = "\\'\"\a\b\f\n\r\t\v";
    if (const size_t place = kNames.find(c); place != std::string_view::npos) {
      to += kBytes[place];
      continue;
    }
    if (c == '\n') continue;
    const bool octal = c >= '0' && c <= '7';
    const size_t wanted = c == 'x' ? 2 : (c == 'u' ? 4 : (c == 'U' ? 8 : (octal ? 3 : 0)));
    size_t digits = octal ? i : i + 1, end = digits;
    uint32_t code = 0;
    while (wanted > 0 && end < body.size() && end - digits < wanted &&
           (octal ? body[end] >= '0' && body[end] <= '7' : std::isxdigit(static_cast<unsigned char>(body[end])) != 0)) {
      const char d = body[end++];
      code = code * (octal ? 8 : 16) + static_cast<uint32_t>(d <= '9' ? d - '0' : (d | 0x20) - 'a' + 10);
    }
    if (wanted == 0 || (!octal && end - digits < wanted)) {
      (to += '\\') += c;
      continue;
    }
    append_utf8(to, code > 0x10FFFF || (code >= 0xD800 && code < 0xE000) ? 0xFFFD : code);
    i = end - 1;
  }
  return to;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  Result<std::vector<Token>> all() {
    while (at_ < source_.size()) PUMICE_TRY(next_stretch());
    add(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  Error wrong(const std::string& what) const {
    return error(Status::kMalformed, "line %u: %s", line_, printable(what).c_str());
  }

  void add(TokenKind kind, std::string text) { tokens_.push_back({kind, line_, std::move(text)}); }

  void advance(size_t to) {
    line_ += static_cast<uint32_t>(
        std::count(source_.begin() + static_cast<ptrdiff_t>(at_), source_.begin() + static_cast<ptrdiff_t>(to), '\n'));
    at_ = to;
  }

  // Text up to the next tag, then the tag.
  Result<void> next_stretch() {
    size_t tag = at_;
    while ((tag = source_.find('{', tag)) != std::string_view::npos &&
           (tag + 1 == source_.size() || std::string_view("{%#").find(source_[tag + 1]) == std::string_view::npos))
      ++tag;
    const bool has_tag = tag != std::string_view::npos;
    std::string_view text = source_.substr(at_, has_tag ? tag - at_ : std::string_view::npos);
    const char kind = has_tag ? source_[tag + 1] : '\0';
    const char sign = has_tag && tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    const bool has_sign = sign == '-' || (sign == '+' && kind != '{');
    if (has_tag) text = before_tag(text, kind, has_sign ? sign : '\0');
    if (!text.empty()) add(TokenKind::kText, std::string(text));
    advance(has_tag ? tag : source_.size());
    if (!has_tag) return {};
    const size_t inside = tag + (has_sign ? 3 : 2);
    if (kind == '#') return comment(inside);
    if (kind == '%') {
      PUMICE_ASSIGN(const bool was_raw, raw(inside));
      if (was_raw) return {};
    }
    add(kind == '{' ? TokenKind::kOutputBegin : TokenKind::kBlockBegin, "");
    advance(inside);
    return tag_body(kind == '{' ? "}}" : "%}");
  }

  // What is left of the text before a tag.
  std::string_view before_tag(std::string_view text, char kind, char sign) const {
    if (sign == '-') {
      while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    } else if (sign != '+' && kind != '{') {
      const size_t line = text.rfind('\n') + 1;  // 0 where there is none
      const bool begins_line = line > 0 || line_starts_;
      if (begins_line && std::all_of(text.begin() + static_cast<ptrdiff_t>(line), text.end(), is_blank))
        text = text.substr(0, line);
    }
    return text;
  }

  // Behind a tag whose end begins at `end`, with its sign.
  void finish_tag(size_t end, size_t length, char sign, bool trims) {
    size_t to = end + length;
    if (sign == '-') {
      while (to < source_.size() && is_blank(source_[to])) ++to;
    } else if (trims && sign != '+' && to < source_.size() && source_[to] == '\n') {
      ++to;
    }
    line_starts_ = to > 0 && source_[to - 1] == '\n';
    advance(to);
  }

  Result<void> comment(size_t inside) {
    const size_t end = source_.find("#}", inside);
    if (end == std::string_view::npos) return wrong("the comment {# does not end");
    const char sign = end > inside ? source_[end - 1] : '\0';
    finish_tag(end, 2, sign == '-' || sign == '+' ? sign : '\0', true);
    return {};
  }

  void skip_blank(size_t& at) const {
    while (at < source_.size() && is_blank(source_[at])) ++at;
  }

  // The word of a tag that holds nothing else, "%}" included; `sign` is that of its end.
  bool tag_is(size_t& at, std::string_view word, char& sign) const {
    skip_blank(at);
    if (source_.substr(at, word.size()) != word) return false;
    at += word.size();
    skip_blank(at);
    sign = '\0';
    if (at < source_.size() && (source_[at] == '-' || source_[at] == '+')) sign = source_[at++];
    return source_.substr(at, 2) == "%}";
  }

  // Whether it is {% raw %}, whose text is then taken up to its end.
  Result<bool> raw(size_t inside) {
    char sign = '\0';
    size_t at = inside;
    if (!tag_is(at, "raw", sign)) return false;
    finish_tag(at, 2, sign, true);
    for (size_t tag = source_.find("{%", at_); tag != std::string_view::npos; tag = source_.find("{%", tag + 2)) {
      size_t end = tag + 2;
      const char first = end < source_.size() && (source_[end] == '-' || source_[end] == '+') ? source_[end++] : '\0';
      if (!tag_is(end, "endraw", sign)) continue;
      const std::string_view text = before_tag(source_.substr(at_, tag - at_), '%', first);
      if (!text.empty()) add(TokenKind::kText, std::string(text));
      finish_tag(end, 2, sign, true);
      return true;
    }
    return wrong("{% raw %} has no {% endraw %}");
  }

  Result<void> tag_body(std::string_view close) {
    std::string open;  // brackets that are open
    while (true) {
      size_t at = at_;
      skip_blank(at);
      advance(at);
      if (at_ >= source_.size()) return wrong("a tag does not end with " + std::string(close));
      const char c = source_[at_];
      const bool signed_end = (c == '-' || (c == '+' && close == "%}")) && source_.substr(at_ + 1, 2) == close;
      if (open.empty() && (signed_end || source_.substr(at_, 2) == close)) {
        add(close == "}}" ? TokenKind::kOutputEnd : TokenKind::kBlockEnd, "");
        finish_tag(signed_end ? at_ + 1 : at_, 2, signed_end ? c : '\0', close == "%}");
        return {};
      }
      if (c == '"' || c == '\'') {
        PUMICE_TRY(string());
      } else if (std::isdigit(static_cast<unsigned char>(c))) {
        number();
      } else if (is_name_start(c)) {
        size_t end = at_;
        while (end < source_.size() && is_name_part(source_[end])) ++end;
        add(TokenKind::kName, std::string(source_.substr(at_, end - at_)));
        advance(end);
      } else {
        PUMICE_TRY(mark(open));
      }
    }
  }

  Result<void> string() {
    const char quote = source_[at_];
    size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) return wrong("a string does not end");
    add(TokenKind::kString, unescaped(source_.substr(at_ + 1, end - at_ - 1)));
    advance(end + 1);
    return {};
  }

  void number() {
    size_t end = at_;
    const auto digits = [&] {
      while (end < source_.size() && (std::isdigit(static_cast<unsigned char>(source_[end])) || source_[end] == '_'))
        ++end;
    };
    const auto digit_at = [&](size_t i) {
      return i < source_.size() && std::isdigit(static_cast<unsigned char>(source_[i])) != 0;
    };
    digits();
    TokenKind kind = TokenKind::kInteger;
    if (end < source_.size() && source_[end] == '.' && digit_at(end + 1)) {
      kind = TokenKind::kFloat, ++end;
      digits();
    }
    if (end < source_.size() && (source_[end] | 0x20) == 'e') {
      const size_t sign = end + 1 < source_.size() && (source_[end + 1] == '-' || source_[end + 1] == '+') ? 1 : 0;
      if (digit_at(end + 1 + sign)) {
        kind = TokenKind::kFloat, end += 1 + sign;
        digits();
      }
    }
    std::string text(source_.substr(at_, end - at_));
    std::erase(text, '_');
    add(kind, std::move(text));
    advance(end);
  }

  Result<void> mark(std::string& open) {
    static constexpr std::string_view kOperators[] = {"**", "//", "==", "!=", "<=", ">=", "+", "-", "*",
                                                      "/",  "%",  "~",  "<",  ">",  "=",  "(", ")", "[",
                                                      "]",  "{",  "}",  ",",  ".",  ":",  "|"};
    for (const std::string_view one : kOperators) {
      if (source_.substr(at_, one.size()) != one) continue;
      if (one == "(" || one == "[" || one == "{") open += one == "(" ? ')' : (one == "[" ? ']' : '}');
      if (one == ")" || one == "]" || one == "}") {
        if (open.empty() || open.back() != one[0]) return wrong("unexpected '" + std::string(one) + "'");
        open.pop_back();
      }
      add(TokenKind::kOperator, std::string(one));
      advance(at_ + one.size());
      return {};
    }
    return wrong("unexpected character '" + std::string(source_.substr(at_, 1)) + "'");
  }

  std::string_view source_;
  size_t at_ = 0;
  uint32_t line_ = 1;
  bool line_starts_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::string normalised(std::string_view source) {
  std::string text;
  for (size_t i = 0; i < source.size(); ++i) {
    const bool crlf = source[i] == '\r' && i + 1 < source.size() && source[i + 1] == '\n';
    text += source[i] == '\r' ? '\n' : source[i];
    if (crlf) ++i;
  }
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

Result<std::vector<Token>> tokenize_template(const std::string& normalised) { return Lexer(normalised).all(); }

}  // namespace pumice::chat
