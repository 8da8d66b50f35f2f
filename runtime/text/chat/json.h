// JSON to values and back, as Python's json module does it.
//
// Thread rule: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "text/chat/value.h"

namespace pumice::chat {

// kMalformed names the byte. Strings get the mark `trusted`. An integer beyond 64 bits becomes a float.
Result<Value> parse_json(std::string_view text, bool trusted);

// The value at the start of a text that may go on behind it.
struct JsonStart {
  size_t length = 0;  // bytes of the value; 0: there is none
  bool cut = false;   // the text ends before the value does
  Value value;
};
JsonStart parse_json_start(std::string_view text);

struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  std::optional<std::string> indent = {};  // of one level
  std::string item_separator = ", ", key_separator = ": ";
};

// An error for what JSON has not: undefined, macros, generators, keys that are tuples.
Result<MarkedText> to_json(const Value& value, const JsonStyle& style);
// {"a":1}: for programs.
std::string compact_json(const Value& value);

}  // namespace pumice::chat
