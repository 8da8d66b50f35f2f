#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/json.h"
#include "base/printable.h"

namespace pumice {

// Recursive descent; the depth is bounded by the limits.
class JsonParser {
 public:
  JsonParser(std::string_view text, const JsonLimits& limits) : text_(text), limits_(limits) {}

  Result<Json> whole() {
    if (text_.size() > limits_.bytes)
      return error(Status::kMalformed, "JSON of %zu bytes is longer than the limit of %zu", text_.size(),
                   limits_.bytes);
    Json json;
    PUMICE_TRY(value(json, 0));
    skip_space();
    if (at_ < text_.size()) return wrong("something follows the value");
    return json;
  }

 private:
  Error wrong(const char* what) const {
    const std::string_view before = text_.substr(0, at_);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const size_t newline = before.rfind('\n');
    const size_t column = newline == std::string_view::npos ? at_ + 1 : at_ - newline;
    return error(Status::kMalformed, "JSON, line %td, column %zu: %s", line, column, what);
  }
  void skip_space() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  Result<void> value(Json& json, uint32_t depth) {
    if (++values_ > limits_.values) return wrong("more values than the limit");
    skip_space();
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    if (c == '{' || c == '[') {
      if (depth >= limits_.depth) return wrong("nested deeper than the limit");
      ++at_;
      return c == '{' ? object(json, depth + 1) : array(json, depth + 1);
    }
    if (c == '"') {
      std::string text;
      PUMICE_TRY(string(text));
      json.value_ = std::move(text);
      return {};
    }
    if (c == '-' || (c >= '0' && c <= '9')) return number(json);
    if (take("true")) {
      json.value_ = true;
    } else if (take("false")) {
      json.value_ = false;
    } else if (!take("null")) {
      return wrong(at_ < text_.size() ? "a value is expected" : "the text ends where a value is expected");
    }
    return {};
  }

  Result<void> array(Json& json, uint32_t depth) {
    Json::Array items;
    skip_space();
    if (!take(']')) {
      do {
        PUMICE_TRY(value(items.emplace_back(), depth));
        skip_space();
      } while (take(','));
      if (!take(']')) return wrong("',' or ']' is expected");
    }
    json.value_ = std::move(items);
    return {};
  }

  Result<void> object(Json& json, uint32_t depth) {
    Json::Object object;
    const size_t begin = at_;
    skip_space();
    if (!take('}')) {
      do {
        Json::Member member;
        skip_space();
        if (at_ >= text_.size() || text_[at_] != '"') return wrong("a key in quotes is expected");
        PUMICE_TRY(string(member.key));
        skip_space();
        if (!take(':')) return wrong("':' is expected");
        PUMICE_TRY(value(member.value, depth));
        object.members.push_back(std::move(member));
        skip_space();
      } while (take(','));
      if (!take('}')) return wrong("',' or '}' is expected");
    }
    object.by_key.resize(object.members.size());
    std::iota(object.by_key.begin(), object.by_key.end(), 0u);
    const auto key = [&](uint32_t i) -> const std::string& { return object.members[i].key; };
    std::sort(object.by_key.begin(), object.by_key.end(), [&](uint32_t a, uint32_t b) { return key(a) < key(b); });
    for (size_t i = 1; i < object.by_key.size(); ++i)
      if (key(object.by_key[i - 1]) == key(object.by_key[i])) {
        at_ = begin;
        return wrong(
            ("the object has the key \"" + printable(key(object.by_key[i]).substr(0, 64)) + "\" twice").c_str());
      }
    json.value_ = std::move(object);
    return {};
  }

  size_t digits() {
    const size_t begin = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    return at_ - begin;
  }

  Result<void> number(Json& json) {
    const size_t begin = at_;
    take('-');
    if (!take('0') && digits() == 0) return wrong("a digit is expected");
    if (take('.') && digits() == 0) return wrong("a digit is expected after the point");
    if (take('e') || take('E')) {
      if (!take('-')) take('+');
      if (digits() == 0) return wrong("a digit is expected in the exponent");
    }
    Json::Number number{std::string(text_.substr(begin, at_ - begin)), 0.0};
    const auto got = std::from_chars(number.text.data(), number.text.data() + number.text.size(), number.value);
    if (got.ec == std::errc::result_out_of_range) {
      const Decimal exact = decimal(number.text);
      const bool large = exact.exponent + static_cast<int64_t>(exact.digits.size()) > 0;
      number.value = large ? std::numeric_limits<double>::infinity() : 0.0;
      if (exact.negative) number.value = -number.value;
    }
    json.value_ = std::move(number);
    return {};
  }

  // Four hexadecimal digits; above 0xFFFF if there are not.
  uint32_t hex4() {
    uint32_t unit = 0;
    const std::string_view digits = text_.substr(at_, 4);
    const auto got = std::from_chars(digits.data(), digits.data() + digits.size(), unit, 16);
    if (digits.size() < 4 || got.ec != std::errc() || got.ptr != digits.data() + 4) return 0x10000;
    at_ += 4;
    return unit;
  }

  static void append(std::string& out, uint32_t point) {
    const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((point >> shift) & 0x3F)); };
    if (point < 0x80) {
      out += static_cast<char>(point);
    } else if (point < 0x800) {
      out += static_cast<char>(0xC0 | point >> 6);
      tail(0);
    } else if (point < 0x10000) {
      out += static_cast<char>(0xE0 | point >> 12);
      tail(6), tail(0);
    } else {
      out += static_cast<char>(0xF0 | point >> 18);
      tail(12), tail(6), tail(0);
    }
  }

  Result<void> escape(std::string& out) {
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    ++at_;
    const std::string_view names = "\"\\/bfnrt", meant = "\"\\/\b\f\n\r\t";
    if (const size_t i = names.find(c); c != '\0' && i != std::string_view::npos) {
      out += meant[i];
      return {};
    }
    --at_;
    if (!take('u')) return wrong("unknown escape");
    uint32_t unit = hex4();
    if (unit > 0xFFFF) return wrong("four hexadecimal digits are expected");
    if (unit >= 0xD800 && unit < 0xDC00 && text_.substr(at_, 2) == "\\u") {
      const size_t back = at_;
      at_ += 2;
      const uint32_t low = hex4();
      if (low >= 0xDC00 && low < 0xE000) {
        unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
      } else {
        at_ = back;
      }
    }
    append(out, unit);
    return {};
  }

  // The length of the well-formed UTF-8 character at at_; 0 if it is none.
  size_t character() const {
    const auto byte = [&](size_t i) { return at_ + i < text_.size() ? static_cast<uint8_t>(text_[at_ + i]) : 0u; };
    const uint32_t first = byte(0);
    const size_t length = first < 0x80   ? 1
                          : first < 0xC2 ? 0
                          : first < 0xE0 ? 2
                          : first < 0xF0 ? 3
                          : first < 0xF5 ? 4
                                         : 0;
    for (size_t i = 1; i < length; ++i)
      if ((byte(i) & 0xC0) != 0x80) return 0;
    const uint32_t two = first << 8 | byte(1);  // overlong forms, surrogates, beyond U+10FFFF
    if (length == 3 && (two < 0xE0A0 || (two >= 0xEDA0 && two < 0xEE00))) return 0;
    if (length == 4 && (two < 0xF090 || two >= 0xF490)) return 0;
    return length;
  }

  Result<void> string(std::string& out) {
    ++at_;
    while (at_ < text_.size() && text_[at_] != '"') {
      const auto byte = static_cast<uint8_t>(text_[at_]);
      if (byte < 0x20) return wrong("a control character stands in a string");
      if (take('\\')) {
        PUMICE_TRY(escape(out));
        continue;
      }
      const size_t length = character();
      if (length == 0) return wrong("bytes that are no UTF-8");
      out += text_.substr(at_, length);
      at_ += length;
    }
    if (!take('"')) return wrong("the text ends inside a string");
    return {};
  }

  std::string_view text_;
  JsonLimits limits_;
  size_t at_ = 0, values_ = 0;
};

Result<Json> Json::parse(std::string_view text, const JsonLimits& limits) { return JsonParser(text, limits).whole(); }

}  // namespace pumice
