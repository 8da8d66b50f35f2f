// Filters of texts.
#include <algorithm>

#include "text/chat/filters.h"
#include "text/chat/python.h"
#include "text/unicode.h"

namespace pumice::chat {
namespace {

// Maps the code point of each character by a function of its index.
template <typename Map>
MarkedText map_code_points(const MarkedText& text, Map map) {
  return map_characters(text, [&](std::string_view character, size_t i, std::string& to) {
    const Utf8Unit unit = first_unit(character);
    if (unit.state == Utf8State::kValid)
      append_utf8(to, map(unit.code_point, i));
    else
      to = character;
  });
}

Result<Value> trim(const FilterCall& call) {
  const Value* characters = call.get(0, "chars");
  const bool given = characters && characters->text();
  return Value(stripped(str(call.input), Ends::kBoth, given ? &characters->text()->bytes() : nullptr));
}

Result<Value> lower(const FilterCall& call) { return Value(lower_case(str(call.input))); }
Result<Value> upper(const FilterCall& call) { return Value(upper_case(str(call.input))); }
Result<Value> capitalize(const FilterCall& call) { return Value(capitalized(str(call.input))); }
Result<Value> title(const FilterCall& call) { return Value(title_case(str(call.input))); }

Result<Value> string(const FilterCall& call) {
  if (call.input.text()) return call.input;
  return Value(str(call.input));
}

Result<Value> safe(const FilterCall& call) {
  MarkedText text = str(call.input);
  text.safe = true;
  return Value(std::move(text));
}

Result<Value> escape(const FilterCall& call) { return Value(escaped_html(str(call.input))); }

Result<Value> replace(const FilterCall& call) {
  const Value *from = call.get(0, "old"), *to = call.get(1, "new");
  if (!from || !to) return error(Status::kInvalidArgument, "the filter replace takes what is replaced, and by what");
  PUMICE_ASSIGN(MarkedText text,
                replaced(call.evaluator, str(call.input), str(*from), str(*to), call.integer(2, "count", -1)));
  return Value(std::move(text));
}

// The lines behind the first begin with so many blanks, or with a text.
Result<Value> indent(const FilterCall& call) {
  const Value* width = call.get(0, "width");
  const int64_t blanks = std::clamp<int64_t>(call.integer(0, "width", 4), 0, 4096);
  const MarkedText by =
      width && width->text() ? *width->text() : MarkedText(std::string(static_cast<size_t>(blanks), ' '), true);
  const bool first = call.flag(1, "first", false), blank = call.flag(2, "blank", false);
  const MarkedText text = str(call.input);
  const auto lines = static_cast<uint64_t>(std::count(text.bytes().begin(), text.bytes().end(), '\n'));
  PUMICE_TRY(call.evaluator.work(lines * (by.size() / 16 + 1)));
  MarkedText made;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.bytes().find('\n', at), text.size());
    if ((at > 0 || first) && (end > at || blank)) made.append(by);
    made.append(text, at, end + 1 - at);
    at = end + 1;
  }
  made.safe = text.safe;
  return Value(std::move(made));
}

Result<Value> wordcount(const FilterCall& call) {
  const MarkedText text = str(call.input);
  int64_t words = 0;
  bool inside = false;
  for (const char c : text.bytes()) {
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    words += !space && !inside ? 1 : 0;
    inside = !space;
  }
  return Value(words);
}

}  // namespace

MarkedText lower_case(const MarkedText& text) {
  return map_code_points(text, [](uint32_t c, size_t) { return to_lower(c); });
}
MarkedText upper_case(const MarkedText& text) {
  return map_code_points(text, [](uint32_t c, size_t) { return to_upper(c); });
}
MarkedText capitalized(const MarkedText& text) {
  return map_code_points(text, [](uint32_t c, size_t i) { return i == 0 ? to_upper(c) : to_lower(c); });
}
MarkedText title_case(const MarkedText& text) {
  bool inside = false;
  return map_code_points(text, [&inside](uint32_t c, size_t) {
    const bool letter = (char_class(c) & CharClass::kLetter) != 0;
    const uint32_t to = !letter ? c : (inside ? to_lower(c) : to_upper(c));
    inside = letter;
    return to;
  });
}

Result<MarkedText> replaced(Evaluator& evaluator, const MarkedText& text, const MarkedText& from, const MarkedText& to,
                            int64_t count) {
  MarkedText made;
  made.safe = text.safe;
  PUMICE_TRY(evaluator.work(text.size() / 16));
  const std::vector<size_t> starts = from.empty() ? character_starts(text.view()) : std::vector<size_t>();
  size_t at = 0;
  for (size_t n = 0; count < 0 || n < static_cast<size_t>(count); ++n) {
    const size_t found =
        !from.empty() ? text.bytes().find(from.bytes(), at) : (n < starts.size() ? starts[n] : std::string::npos);
    if (found == std::string::npos) break;
    PUMICE_TRY(evaluator.work(1 + to.size() / 16));
    made.append(text, at, found - at);
    made.append(to);
    at = found + from.size();
  }
  made.append(text, at, text.size() - at);
  return made;
}

Filter text_filter(std::string_view name) {
  static constexpr std::pair<std::string_view, Filter> kFilters[] = {
      {"trim", &trim},          {"lower", &lower},        {"upper", &upper},     {"capitalize", &capitalize},
      {"title", &title},        {"string", &string},      {"safe", &safe},       {"escape", &escape},
      {"e", &escape},           {"forceescape", &escape}, {"replace", &replace}, {"indent", &indent},
      {"wordcount", &wordcount}};
  for (const auto& [known, filter] : kFilters)
    if (known == name) return filter;
  return nullptr;
}

}  // namespace pumice::chat
