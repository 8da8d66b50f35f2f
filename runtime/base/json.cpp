#include "base/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace pumice {
namespace {

std::string shortest(double value) {
  char text[32];
  const auto [end, failed] = std::to_chars(text, text + sizeof text, value);
  return failed == std::errc() ? std::string(text, end) : "0";
}

void append_unit(std::string& out, uint32_t unit) {
  char text[8];
  std::snprintf(text, sizeof text, "\\u%04x", unit & 0xFFFF);
  out += text;
}

// The code point of well-formed UTF-8, or of a surrogate spelt like it, at the start of the text; its length in bytes.
std::pair<uint32_t, size_t> code_point(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const size_t length = byte(0) < 0x80 ? 1 : byte(0) < 0xE0 ? 2 : byte(0) < 0xF0 ? 3 : 4;
  if (length > text.size() || (byte(0) >= 0x80 && byte(0) < 0xC0)) return {0xFFFD, 1};
  uint32_t point = length == 1 ? byte(0) : byte(0) & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) point = point << 6 | (byte(i) & 0x3Fu);
  return {point, length};
}

}  // namespace

void append_json_string(std::string& out, std::string_view text, bool ascii) {
  out += '"';
  while (!text.empty()) {
    const auto [point, length] = code_point(text);
    const char c = text.front();
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (c == '\n' || c == '\r' || c == '\t' || c == '\b' || c == '\f') {
      out += {'\\', c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : c == '\b' ? 'b' : 'f'};
    } else if (point < 0x20 || (point >= 0xD800 && point < 0xE000) || (ascii && point > 0x7E && point < 0x10000)) {
      append_unit(out, point);
    } else if (ascii && point >= 0x10000) {
      append_unit(out, 0xD800 + ((point - 0x10000) >> 10));
      append_unit(out, 0xDC00 + (point & 0x3FF));
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  out += '"';
}

Decimal decimal(std::string_view text) {
  Decimal result;
  if (!text.empty() && text.front() == '-') {
    result.negative = true;
    text.remove_prefix(1);
  }
  bool fraction = false;
  size_t i = 0;
  for (; i < text.size() && text[i] != 'e' && text[i] != 'E'; ++i) {
    if (text[i] == '.') {
      fraction = true;
      continue;
    }
    result.digits += text[i];
    result.exponent -= fraction;
  }
  if (i < text.size()) {
    std::string_view power = text.substr(i + 1);
    const bool negative = !power.empty() && power.front() == '-';
    if (!power.empty() && (power.front() == '-' || power.front() == '+')) power.remove_prefix(1);
    int64_t value = 0;  // beyond any length that a text can have
    for (const char digit : power) value = std::min<int64_t>(value * 10 + (digit - '0'), int64_t{1} << 40);
    result.exponent += negative ? -value : value;
  }
  const size_t zeros = std::min(result.digits.find_first_not_of('0'), result.digits.size());
  result.digits.erase(0, zeros);
  while (!result.digits.empty() && result.digits.back() == '0') {
    result.digits.pop_back();
    ++result.exponent;
  }
  if (result.digits.empty()) result = {};
  return result;
}

Json::Json() = default;
Json::Json(bool value) : value_(value) {}
Json::Json(std::string value) : value_(std::move(value)) {}
Json::Json(const char* value) : value_(std::string(value)) {}
Json::Json(int value) : Json(static_cast<int64_t>(value)) {}
Json::Json(double value) {
  if (std::isfinite(value)) value_ = Number{shortest(value), value};
}
Json::Json(int64_t value) : value_(Number{std::to_string(value), static_cast<double>(value)}) {}

Json Json::array() { return array(Array()); }

Json Json::array(Array items) {
  Json json;
  json.value_ = std::move(items);
  return json;
}

Json Json::object() {
  Json json;
  json.value_ = Object();
  return json;
}

bool Json::as_bool() const {
  PUMICE_CHECK(is_bool());
  return std::get<bool>(value_);
}
const Json::Number& Json::as_number() const {
  PUMICE_CHECK(is_number());
  return std::get<Number>(value_);
}
const std::string& Json::as_string() const {
  PUMICE_CHECK(is_string());
  return std::get<std::string>(value_);
}
const Json::Array& Json::items() const {
  PUMICE_CHECK(is_array());
  return std::get<Array>(value_);
}
Json::Array& Json::items() {
  PUMICE_CHECK(is_array());
  return std::get<Array>(value_);
}
const std::vector<Json::Member>& Json::members() const {
  PUMICE_CHECK(is_object());
  return std::get<Object>(value_).members;
}

bool Json::is_integer() const { return is_number() && decimal(as_number().text).exponent >= 0; }

size_t Json::Object::position(std::string_view key) const {
  const auto before = [&](uint32_t index, std::string_view other) { return members[index].key < other; };
  return static_cast<size_t>(std::lower_bound(by_key.begin(), by_key.end(), key, before) - by_key.begin());
}

bool Json::Object::holds(size_t position, std::string_view key) const {
  return position < by_key.size() && members[by_key[position]].key == key;
}

const Json* Json::find(std::string_view key) const {
  const auto* object = std::get_if<Object>(&value_);
  if (!object) return nullptr;
  const size_t at = object->position(key);
  return object->holds(at, key) ? &object->members[object->by_key[at]].value : nullptr;
}
Json* Json::find(std::string_view key) { return const_cast<Json*>(std::as_const(*this).find(key)); }

Json& Json::set(std::string key, Json value) {
  PUMICE_CHECK(is_object());
  auto& object = std::get<Object>(value_);
  const size_t at = object.position(key);
  if (object.holds(at, key)) return object.members[object.by_key[at]].value = std::move(value);
  object.by_key.insert(object.by_key.begin() + static_cast<ptrdiff_t>(at),
                       static_cast<uint32_t>(object.members.size()));
  object.members.push_back({std::move(key), std::move(value)});
  return object.members.back().value;
}

bool Json::erase(std::string_view key) {
  auto* object = std::get_if<Object>(&value_);
  if (!object) return false;
  const size_t at = object->position(key);
  if (!object->holds(at, key)) return false;
  const uint32_t index = object->by_key[at];
  object->by_key.erase(object->by_key.begin() + static_cast<ptrdiff_t>(at));
  object->members.erase(object->members.begin() + index);
  for (uint32_t& other : object->by_key) other -= other > index;
  return true;
}

bool Json::operator==(const Json& other) const {
  if (kind() != other.kind()) return false;
  if (is_number()) return decimal(as_number().text) == decimal(other.as_number().text);
  if (is_array()) return items() == other.items();
  if (!is_object())
    return value_.index() == 0 || (is_bool() ? as_bool() == other.as_bool() : as_string() == other.as_string());
  if (members().size() != other.members().size()) return false;
  return std::all_of(members().begin(), members().end(), [&](const Member& member) {
    const Json* mate = other.find(member.key);
    return mate && *mate == member.value;
  });
}

namespace {

class JsonWriter {
 public:
  explicit JsonWriter(const JsonStyle& style) : style_(style) {}

  void value(const Json& json, int depth) {
    switch (json.kind()) {
      case Json::Kind::kNull:
        text += "null";
        break;
      case Json::Kind::kBool:
        text += json.as_bool() ? "true" : "false";
        break;
      case Json::Kind::kNumber:
        text += json.as_number().text;
        break;
      case Json::Kind::kString:
        append_json_string(text, json.as_string(), style_.ascii);
        break;
      case Json::Kind::kArray:
        array(json, depth);
        break;
      case Json::Kind::kObject:
        object(json, depth);
        break;
    }
  }

  std::string text;

 private:
  void new_line(int depth) {
    if (style_.indent < 0) return;
    text += '\n';
    text.append(static_cast<size_t>(style_.indent) * static_cast<size_t>(depth), ' ');
  }
  void separate(bool first) {
    if (!first) text += style_.spaces && style_.indent < 0 ? ", " : ",";
  }
  void array(const Json& json, int depth) {
    text += '[';
    for (const Json& item : json.items()) {
      separate(&item == &json.items().front());
      new_line(depth + 1);
      value(item, depth + 1);
    }
    if (!json.items().empty()) new_line(depth);
    text += ']';
  }
  void object(const Json& json, int depth) {
    std::vector<const Json::Member*> order;
    for (const Json::Member& member : json.members()) order.push_back(&member);
    if (style_.sort_keys) std::sort(order.begin(), order.end(), [](auto* a, auto* b) { return a->key < b->key; });
    text += '{';
    for (const Json::Member* member : order) {
      separate(member == order.front());
      new_line(depth + 1);
      append_json_string(text, member->key, style_.ascii);
      text += style_.spaces || style_.indent >= 0 ? ": " : ":";
      value(member->value, depth + 1);
    }
    if (!order.empty()) new_line(depth);
    text += '}';
  }

  JsonStyle style_;
};

}  // namespace

std::string Json::write(const JsonStyle& style) const {
  JsonWriter writer(style);
  writer.value(*this, 0);
  return std::move(writer.text);
}

}  // namespace pumice
