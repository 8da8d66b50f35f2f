// The lexer of chat templates: Jinja with trim_blocks and lstrip_blocks, as Hugging Face sets them.
//
// Thread rule: pure functions. Names refer to the source, which must outlive the tokens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pumice::chat {

enum class TokenKind : uint8_t {
  kText,         // template text outside of tags
  kOutputBegin,  // {{
  kOutputEnd,
  kBlockBegin,  // {%
  kBlockEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  uint32_t line = 1;
  std::string text;
};

// With "\n" for every line break and without the one at the end.
std::string normalised(std::string_view source);
Result<std::vector<Token>> tokenize_template(const std::string& normalised);

}  // namespace pumice::chat
