#include "text/chat/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

#include "text/chat/python.h"
#include "text/unicode.h"

namespace pumice::chat {
namespace {

class JsonParser {
 public:
  JsonParser(std::string_view text, bool trusted) : text_(text), trusted_(trusted) {}

  Result<Value> whole() {
    PUMICE_ASSIGN(Value made, value(0));
    skip_space();
    if (at_ < text_.size()) return wrong("something follows the value");
    return made;
  }

  JsonStart start() {
    Result<Value> made = value(0);
    // A number may go on.
    if (!made || (made->is_number() && !made->get<bool>() && at_ == text_.size())) return {0, at_ >= text_.size(), {}};
    return {at_, false, std::move(*made)};
  }

 private:
  Error wrong(const char* what) const { return error(Status::kMalformed, "JSON, byte %zu: %s", at_, what); }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
  }

  bool take(std::string_view word) {
    const std::string_view rest = text_.substr(at_);
    if (!rest.starts_with(word)) {
      if (word.starts_with(rest)) at_ = text_.size();  // cut
      return false;
    }
    at_ += word.size();
    return true;
  }

  Result<Value> value(uint32_t depth) {
    skip_space();
    if (depth >= Value::kMaxDepth) return wrong("it nests too deeply");
    if (at_ >= text_.size()) return wrong("a value is missing");
    const char c = text_[at_];
    if (c == '{') return object(depth);
    if (c == '[') return array(depth);
    if (c == '"') {
      PUMICE_ASSIGN(std::string made, string());
      return text_value(std::move(made), trusted_);
    }
    if (take("true")) return Value(true);
    if (take("false")) return Value(false);
    if (take("null")) return Value(None{});
    return number();
  }

  Result<Value> object(uint32_t depth) {
    ++at_;
    Dict dict;
    skip_space();
    if (take("}")) return dict_value(std::move(dict));
    while (true) {
      skip_space();
      if (at_ >= text_.size() || text_[at_] != '"') return wrong("a key in double quotes is missing");
      PUMICE_ASSIGN(std::string key, string());
      skip_space();
      if (!take(":")) return wrong("':' is missing");
      PUMICE_ASSIGN(Value member, value(depth + 1));
      dict.set(text_value(std::move(key), trusted_), std::move(member));
      skip_space();
      if (take("}")) return dict_value(std::move(dict));
      if (!take(",")) return wrong("',' or '}' is missing");
    }
  }

  Result<Value> array(uint32_t depth) {
    ++at_;
    Values items;
    skip_space();
    if (take("]")) return list_value(std::move(items));
    while (true) {
      PUMICE_ASSIGN(Value item, value(depth + 1));
      items.push_back(std::move(item));
      skip_space();
      if (take("]")) return list_value(std::move(items));
      if (!take(",")) return wrong("',' or ']' is missing");
    }
  }

  Result<uint32_t> hex4() {
    uint32_t code = 0;
    const char* begin = text_.data() + at_;
    if (text_.size() - at_ < 4 || std::from_chars(begin, begin + 4, code, 16).ptr != begin + 4)
      return wrong("\\u needs four hexadecimal digits");
    at_ += 4;
    return code;
  }

  Result<void> escape(std::string& to) {
    if (at_ >= text_.size()) return wrong("the string does not end");
    static constexpr std::string_view kNames = "\"\\/bfnrt", kBytes = "\"\\/\b\f\n\r\t";
    const char c = text_[at_++];
    if (const size_t place = kNames.find(c); place != std::string_view::npos) {
      to += kBytes[place];
      return {};
    }
    if (c != 'u') return wrong("an unknown escape");
    PUMICE_ASSIGN(uint32_t code, hex4());
    if (code >= 0xD800 && code < 0xDC00 && take("\\u")) {
      PUMICE_ASSIGN(const uint32_t low, hex4());
      code = low >= 0xDC00 && low < 0xE000 ? 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00) : 0xFFFD;
    }
    append_utf8(to, code >= 0xD800 && code < 0xE000 ? 0xFFFD : code);
    return {};
  }

  Result<std::string> string() {
    ++at_;
    std::string made;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (static_cast<unsigned char>(text_[at_]) < 0x20) return wrong("a control character in a string");
      if (text_[at_] != '\\') {
        made += text_[at_++];
        continue;
      }
      ++at_;
      PUMICE_TRY(escape(made));
    }
    if (at_ >= text_.size()) return wrong("the string does not end");
    ++at_;
    return made;
  }

  Result<Value> number() {
    const size_t begin = at_;
    const auto digits = [&] {
      const size_t from = at_;
      while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
      return at_ > from;
    };
    take("-");
    const size_t first = at_;
    bool right = digits() && !(text_[first] == '0' && at_ - first > 1), whole = true;
    if (right && take(".")) whole = false, right = digits();
    if (right && at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      ++at_;
      if (!take("+")) take("-");
      whole = false, right = digits();
    }
    if (!right) return wrong("no value");
    const char *from = text_.data() + begin, *to = text_.data() + at_;
    int64_t integer = 0;
    if (whole && std::from_chars(from, to, integer).ec == std::errc()) return Value(integer);
    double made = 0;
    if (std::from_chars(from, to, made).ec != std::errc()) made = nearest({from, to});
    return Value(made);
  }

  // Of a number that is beyond what a double has.
  static double nearest(std::string_view number) {
    const bool negative = number.front() == '-';
    const size_t exponent = number.find_first_of("eE");
    const bool small = exponent != number.npos ? number[exponent + 1] == '-' : number[negative ? 1 : 0] == '0';
    const double size = small ? 0 : std::numeric_limits<double>::max();
    return negative ? -size : size;
  }

  std::string_view text_;
  size_t at_ = 0;
  bool trusted_;
};

void append_string(const MarkedText& text, bool ensure_ascii, MarkedText& to) {
  to.append("\"", true);
  size_t plain = 0;  // the start of a stretch that is copied as it is
  const auto flush = [&](size_t end) { to.append(text, plain, end - plain); };
  for (size_t at = 0; at < text.size();) {
    const Utf8Unit unit = first_unit(text.view().substr(at, 4));
    const uint32_t c = unit.code_point;
    const size_t length = unit.state == Utf8State::kValid ? unit.length : 1;
    char buffer[16] = {};
    static constexpr std::string_view kBytes = "\"\\\b\f\n\r\t", kNames = "\"\\bfnrt";
    const size_t place = c < 0x80 ? kBytes.find(static_cast<char>(c)) : std::string_view::npos;
    if (place != std::string_view::npos) {
      buffer[0] = '\\', buffer[1] = kNames[place];
    } else if (c < 0x20 || (ensure_ascii && c > 0x7e && c < 0x10000)) {
      std::snprintf(buffer, sizeof(buffer), "\\u%04x", c);
    } else if (ensure_ascii && c >= 0x10000) {
      std::snprintf(buffer, sizeof(buffer), "\\u%04x\\u%04x", 0xD800 + ((c - 0x10000) >> 10), 0xDC00 + (c & 0x3FF));
    }
    if (buffer[0]) {
      flush(at);
      to.append(buffer, text.trusted_at(at));
      plain = at + length;
    }
    at += length;
  }
  flush(text.size());
  to.append("\"", true);
}

class JsonWriter {
 public:
  explicit JsonWriter(const JsonStyle& style) : style_(style) {}
  MarkedText out;

  Result<void> write(const Value& value, uint32_t level) {
    const ListRef* list = value.get<ListRef>();
    if (value.is_none()) {
      out.append("null", true);
    } else if (const bool* flag = value.get<bool>()) {
      out.append(*flag ? "true" : "false", true);
    } else if (const double* number = value.get<double>()) {
      out.append(std::isfinite(*number) ? float_text(*number)
                                        : (std::isnan(*number) ? "NaN" : (*number < 0 ? "-Infinity" : "Infinity")),
                 true);
    } else if (value.get<int64_t>()) {
      out.append(str(value));
    } else if (const MarkedText* text = value.text()) {
      append_string(*text, style_.ensure_ascii, out);
    } else if (list && list->kind != ListKind::kGenerator) {
      return write_list(list->list->items, level);
    } else if (const Dict* dict = value.dict()) {
      return write_dict(*dict, level);
    } else {
      return error(Status::kInvalidArgument, "tojson: a value of type %s is not JSON", value.type_name());
    }
    return {};
  }

 private:
  void line(uint32_t level) {
    if (!style_.indent) return;
    out.append("\n", true);
    for (uint32_t i = 0; i < level; ++i) out.append(*style_.indent, true);
  }

  Result<void> write_list(const Values& items, uint32_t level) {
    if (items.empty()) {
      out.append("[]", true);
      return {};
    }
    out.append("[", true);
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out.append(style_.item_separator, true);
      line(level + 1);
      PUMICE_TRY(write(items[i], level + 1));
    }
    line(level);
    out.append("]", true);
    return {};
  }

  Result<void> write_key(const Value& key) {
    if (const MarkedText* text = key.text()) {
      append_string(*text, style_.ensure_ascii, out);
      return {};
    }
    if (key.items()) return error(Status::kInvalidArgument, "tojson: a key of type %s", key.type_name());
    out.append("\"", true);
    PUMICE_TRY(write(key, 0));
    out.append("\"", true);
    return {};
  }

  Result<void> write_dict(const Dict& dict, uint32_t level) {
    if (dict.size() == 0) {
      out.append("{}", true);
      return {};
    }
    std::vector<const Dict::Entry*> entries;
    for (const Dict::Entry& entry : dict.entries()) entries.push_back(&entry);
    if (style_.sort_keys)
      std::stable_sort(entries.begin(), entries.end(), [](const Dict::Entry* a, const Dict::Entry* b) {
        return str(a->first).bytes() < str(b->first).bytes();
      });
    out.append("{", true);
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) out.append(style_.item_separator, true);
      line(level + 1);
      PUMICE_TRY(write_key(entries[i]->first));
      out.append(style_.key_separator, true);
      PUMICE_TRY(write(entries[i]->second, level + 1));
    }
    line(level);
    out.append("}", true);
    return {};
  }

  const JsonStyle& style_;
};

}  // namespace

Result<Value> parse_json(std::string_view text, bool trusted) { return JsonParser(text, trusted).whole(); }

Result<MarkedText> to_json(const Value& value, const JsonStyle& style) {
  JsonWriter writer(style);
  PUMICE_TRY(writer.write(value, 0));
  return std::move(writer.out);
}

JsonStart parse_json_start(std::string_view text) { return JsonParser(text, false).start(); }

std::string compact_json(const Value& value) {
  Result<MarkedText> made = to_json(value, {.item_separator = ",", .key_separator = ":"});
  return made ? made->bytes() : "null";
}

}  // namespace pumice::chat
