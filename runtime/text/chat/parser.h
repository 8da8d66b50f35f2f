// Parses a chat template. Errors name the line and the construct. Thread rule: a pure function.
#pragma once

#include <string_view>

#include "base/result.h"
#include "text/chat/syntax.h"

namespace pumice::chat {

// Names in statements and expressions that nest too deeply are refused, as is a source of more than kMaxSourceBytes.
inline constexpr size_t kMaxSourceBytes = size_t{1} << 20;
inline constexpr uint32_t kMaxSyntaxDepth = 150;

Result<Body> parse_template(std::string_view source);

}  // namespace pumice::chat
