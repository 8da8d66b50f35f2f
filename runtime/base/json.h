// Json: a JSON value (RFC 8259), its parser and its writer.
//
// Contract: text from outside is hostile: depth, bytes and values are bounded, a key that occurs twice, bytes that are
// no
//   UTF-8 and anything after the value are errors with line and column. Objects keep the order of their keys. A number
//   keeps its text, so that none loses digits. A lone surrogate (\uD800) is kept as the three bytes that UTF-8 would
//   give it, and written as an escape again.
// Ownership: a value owns what it contains. Thread rule: a plain value type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace pumice {

struct JsonLimits {
  size_t bytes = size_t{64} << 20;
  uint32_t depth = 200;  // arrays and objects inside each other
  size_t values = size_t{4} << 20;
};

struct JsonStyle {
  bool spaces = false;  // ", " and ": " instead of "," and ":"
  int indent = -1;      // below 0: one line; else that many spaces a level, ": " after keys
  bool sort_keys = false;
  bool ascii = false;  // \uNNNN for what is not ASCII
};

class Json {
 public:
  enum class Kind : uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };

  struct Number {
    std::string text;    // as JSON spells it
    double value = 0.0;  // the nearest double; infinite where there is none
    bool operator==(const Number& other) const { return text == other.text; }
  };
  struct Member;
  using Array = std::vector<Json>;

  // Not inline: they may destroy a Member, which is not known here.
  Json();
  Json(bool value);
  Json(double value);  // null where it is not finite, as JSON has no such number
  Json(int64_t value);
  Json(int value);
  Json(std::string value);
  Json(const char* value);
  static Json array();
  static Json array(Array items);
  static Json object();

  static Result<Json> parse(std::string_view text, const JsonLimits& limits = {});

  Kind kind() const { return static_cast<Kind>(value_.index()); }
  bool is_null() const { return kind() == Kind::kNull; }
  bool is_bool() const { return kind() == Kind::kBool; }
  bool is_number() const { return kind() == Kind::kNumber; }
  bool is_string() const { return kind() == Kind::kString; }
  bool is_array() const { return kind() == Kind::kArray; }
  bool is_object() const { return kind() == Kind::kObject; }

  // For these the kind must be right (PUMICE_CHECK).
  bool as_bool() const;
  const Number& as_number() const;
  const std::string& as_string() const;
  const Array& items() const;
  Array& items();
  const std::vector<Member>& members() const;  // in the order of the text

  // Whether the number is mathematically an integer ("1", "1.0", "1e3"), whatever its size.
  bool is_integer() const;

  // The member's value; nullptr where this is no object or has no such key. O(log n).
  const Json* find(std::string_view key) const;
  Json* find(std::string_view key);
  // Of an object: replaces the value of a key where it stands, or appends the member.
  Json& set(std::string key, Json value);
  bool erase(std::string_view key);

  std::string write(const JsonStyle& style = {}) const;

  // As JSON Schema compares: numbers by their value, objects whatever the order of their keys.
  bool operator==(const Json& other) const;

 private:
  friend class JsonParser;
  struct Object {
    std::vector<Member> members;
    std::vector<uint32_t> by_key;  // indices of members in the order of their keys
    size_t position(std::string_view key) const;
    bool holds(size_t position, std::string_view key) const;
  };
  std::variant<std::monostate, bool, Number, std::string, Array, Object> value_;
};

struct Json::Member {
  std::string key;
  Json value;
};

// "text" with quotes and the escapes that JSON needs.
void append_json_string(std::string& out, std::string_view text, bool ascii = false);

// A decimal number in its simplest form: (-1)^negative · digits · 10^exponent, without leading or trailing zeros in
// digits; zero has no digits. Equal numbers have equal forms.
struct Decimal {
  bool negative = false;
  std::string digits;
  int64_t exponent = 0;
  bool operator==(const Decimal&) const = default;
};
Decimal decimal(std::string_view json_number);

}  // namespace pumice
