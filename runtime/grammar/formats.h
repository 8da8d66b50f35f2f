// The values of JSON Schema's "format" as regular expressions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pumice::grammar {

// The whole of a text in this format, in the syntax of pattern.h; nothing for a name that asserts nothing. What it
// allows is always of the format; of "regex", "uri-template", "idn-…" and dates with leap seconds it allows only a
// part.
std::optional<std::string> format_pattern(std::string_view name);

}  // namespace pumice::grammar
