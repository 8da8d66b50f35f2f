// What both halves of the parser share: the tokens and the place in them. Thread rule: one thread at a time.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/printable.h"
#include "text/chat/lexer.h"
#include "text/chat/parser.h"

namespace pumice::chat {

class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& now() const { return tokens_[at_]; }
  const Token& after() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  const Token& take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool is(TokenKind kind) const { return now().kind == kind; }
  bool is_operator(std::string_view text) const { return is(TokenKind::kOperator) && now().text == text; }
  bool is_name(std::string_view text) const { return is(TokenKind::kName) && now().text == text; }
  bool take_operator(std::string_view text) { return is_operator(text) && (take(), true); }
  bool take_name(std::string_view text) { return is_name(text) && (take(), true); }

  Error wrong(const std::string& what) const {
    const std::string found = is(TokenKind::kEnd) ? "the end"
                              : is(TokenKind::kBlockEnd) || is(TokenKind::kOutputEnd)
                                  ? "the end of the tag"
                                  : "'" + printable(now().text.substr(0, 40)) + "'";
    return error(Status::kMalformed, "line %u: %s, not %s", now().line, what.c_str(), found.c_str());
  }
  Result<void> need_operator(const char* text) {
    if (!take_operator(text)) return wrong(std::string("expected '") + text + "'");
    return {};
  }
  Result<std::string> need_name(const char* what) {
    if (!is(TokenKind::kName)) return wrong(std::string("expected ") + what);
    return take().text;
  }

 private:
  std::vector<Token> tokens_;
  size_t at_ = 0;
};

}  // namespace pumice::chat
