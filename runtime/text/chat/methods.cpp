// Methods of texts, lists, dicts and loops, as Python has them.
#include <algorithm>
#include <span>

#include "base/printable.h"
#include "text/chat/evaluator.h"
#include "text/chat/filters.h"
#include "text/chat/json.h"
#include "text/chat/python.h"
#include "text/unicode.h"

namespace pumice::chat {
namespace {

struct MethodCall {
  Evaluator& evaluator;
  const Value& self;
  const std::string& name;
  const CallArguments& arguments;

  const MarkedText& text() const { return *self.text(); }
  const MarkedText* text_argument(size_t place) const {
    return place < arguments.positional.size() ? arguments.positional[place].text() : nullptr;
  }
  int64_t integer(size_t place, const char* argument, int64_t otherwise) const {
    const Value* value = arguments.get(place, argument);
    int64_t integer = 0;
    return value && as_integer(*value, &integer) ? integer : otherwise;
  }
  Error wrong() const {
    return error(Status::kInvalidArgument, "%s.%s() with these arguments", self.type_name(), name.c_str());
  }
};

Result<Value> strip(const MethodCall& call) {
  const Ends ends = call.name == "strip" ? Ends::kBoth : (call.name == "lstrip" ? Ends::kLeft : Ends::kRight);
  const MarkedText* characters = call.text_argument(0);
  return Value(stripped(call.text(), ends, characters ? &characters->bytes() : nullptr));
}

// Pieces between white space.
void split_at_space(const MarkedText& text, int64_t most, Values& pieces) {
  MarkedText rest = stripped(text, Ends::kLeft, nullptr);
  while (!rest.empty() && (most < 0 || static_cast<int64_t>(pieces.size()) < most)) {
    size_t end = 0;
    while (end < rest.size()) {
      const Utf8Unit unit = first_unit(rest.view().substr(end, 4));
      if (unit.state == Utf8State::kValid && is_python_space(unit.code_point)) break;
      end += std::max<uint32_t>(unit.length, 1);
    }
    pieces.emplace_back(rest.substr(0, end));
    rest = stripped(rest.substr(end), Ends::kLeft, nullptr);
  }
  if (!rest.empty()) pieces.emplace_back(std::move(rest));
}

Result<Value> split(const MethodCall& call) {
  const Value* by = call.arguments.get(0, "sep");
  const int64_t most = call.integer(1, "maxsplit", -1);
  const MarkedText& text = call.text();
  Values pieces;
  if (!by || by->is_none()) {
    PUMICE_TRY(
        call.evaluator.work(text.size() * (most < 0 ? 1 : static_cast<uint64_t>(std::min<int64_t>(most, 64)) + 1)));
    if (most < 0) {
      const std::vector<size_t> starts = character_starts(text.view());
      size_t begin = 0;
      for (size_t i = 0; i + 1 < starts.size(); ++i) {
        const std::string_view character = text.view().substr(starts[i], starts[i + 1] - starts[i]);
        if (!is_python_space(first_unit(character).code_point)) continue;
        if (starts[i] > begin) pieces.emplace_back(text.substr(begin, starts[i] - begin));
        begin = starts[i + 1];
      }
      if (begin < text.size()) pieces.emplace_back(text.substr(begin));
    } else {
      split_at_space(text, std::min<int64_t>(most, 64), pieces);
    }
    return list_value(std::move(pieces));
  }
  const MarkedText* separator = by->text();
  if (!separator || separator->empty()) return call.wrong();
  const std::string& mark = separator->bytes();
  size_t at = 0, end = text.size();
  if (call.name == "rsplit" && most >= 0) {
    for (int64_t n = 0; n < most && end >= mark.size(); ++n) {
      const size_t found = text.bytes().rfind(mark, end - mark.size());
      if (found == std::string::npos) break;
      pieces.emplace_back(text.substr(found + mark.size(), end - found - mark.size()));
      end = found;
    }
    pieces.emplace_back(text.substr(0, end));
    std::reverse(pieces.begin(), pieces.end());
    PUMICE_TRY(call.evaluator.work(pieces.size() + text.size() / 16));
    return list_value(std::move(pieces));
  }
  for (int64_t n = 0; most < 0 || n < most; ++n) {
    const size_t found = text.bytes().find(mark, at);
    if (found == std::string::npos) break;
    pieces.emplace_back(text.substr(at, found - at));
    at = found + mark.size();
  }
  pieces.emplace_back(text.substr(at));
  PUMICE_TRY(call.evaluator.work(pieces.size() + text.size() / 16));
  return list_value(std::move(pieces));
}

Result<Value> splitlines(const MethodCall& call) {
  const bool keeps = call.arguments.get(0, "keepends") && truth(*call.arguments.get(0, "keepends"));
  const std::string& text = call.text().bytes();
  Values lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find_first_of("\n\r", at), text.size());
    const size_t after = end == text.size() ? end : end + (text.compare(end, 2, "\r\n") == 0 ? 2 : 1);
    lines.emplace_back(call.text().substr(at, (keeps ? after : end) - at));
    at = after;
  }
  PUMICE_TRY(call.evaluator.work(lines.size() + text.size() / 16));
  return list_value(std::move(lines));
}

Result<Value> partition(const MethodCall& call) {
  const MarkedText* mark = call.text_argument(0);
  if (!mark || mark->empty()) return call.wrong();
  const bool last = call.name == "rpartition";
  const std::string& text = call.text().bytes();
  const size_t at = last ? text.rfind(mark->bytes()) : text.find(mark->bytes());
  if (at == std::string::npos)
    return list_value(
        last ? Values{text_value(""), text_value(""), call.self} : Values{call.self, text_value(""), text_value("")},
        ListKind::kTuple);
  return list_value({Value(call.text().substr(0, at)), Value(call.text().substr(at, mark->size())),
                     Value(call.text().substr(at + mark->size()))},
                    ListKind::kTuple);
}

Result<Value> starts_or_ends(const MethodCall& call) {
  if (call.arguments.positional.empty()) return call.wrong();
  const Value& what = call.arguments.positional[0];
  const std::string& text = call.text().bytes();
  const auto holds = [&](const std::string& part) {
    return call.name == "startswith" ? text.starts_with(part) : text.ends_with(part);
  };
  if (what.text()) return Value(holds(what.text()->bytes()));
  const ListRef* list = what.get<ListRef>();
  if (!list || list->kind != ListKind::kTuple) return call.wrong();
  for (const Value& part : list->list->items)
    if (part.text() && holds(part.text()->bytes())) return Value(true);
  return Value(false);
}

Result<Value> find(const MethodCall& call) {
  const MarkedText* part = call.text_argument(0);
  if (!part) return call.wrong();
  const std::string& text = call.text().bytes();
  PUMICE_TRY(call.evaluator.work(text.size() / 16));
  if (call.name == "count") {
    int64_t times = 0;
    for (size_t at = text.find(part->bytes()); at != std::string::npos && !part->empty(); ++times)
      at = text.find(part->bytes(), at + part->size());
    return Value(part->empty() ? static_cast<int64_t>(character_count(text)) + 1 : times);
  }
  const bool last = call.name[0] == 'r';
  const size_t at = last ? text.rfind(part->bytes()) : text.find(part->bytes());
  if (at != std::string::npos)
    return Value(static_cast<int64_t>(character_count(std::string_view(text).substr(0, at))));
  if (call.name.ends_with("index")) return error(Status::kInvalidArgument, "str.index(): the part is not there");
  return Value(int64_t{-1});
}

Result<Value> replace(const MethodCall& call) {
  const MarkedText *from = call.text_argument(0), *to = call.text_argument(1);
  if (!from || !to) return call.wrong();
  PUMICE_ASSIGN(MarkedText text, replaced(call.evaluator, call.text(), *from, *to, call.integer(2, "count", -1)));
  return Value(std::move(text));
}

Result<Value> letter_case(const MethodCall& call) {
  if (call.name == "upper") return Value(upper_case(call.text()));
  if (call.name == "title") return Value(title_case(call.text()));
  if (call.name == "capitalize") return Value(capitalized(call.text()));
  return Value(lower_case(call.text()));
}

Result<Value> remove_end(const MethodCall& call) {
  const MarkedText* part = call.text_argument(0);
  if (!part) return call.wrong();
  const MarkedText& text = call.text();
  if (call.name == "removeprefix")
    return text.view().starts_with(part->view()) ? Value(text.substr(part->size())) : call.self;
  return text.view().ends_with(part->view()) ? Value(text.substr(0, text.size() - part->size())) : call.self;
}

Result<Value> join_parts(const MethodCall& call) {
  if (call.arguments.positional.empty()) return call.wrong();
  PUMICE_ASSIGN(const std::shared_ptr<const List> list, call.evaluator.iterated(call.arguments.positional[0]));
  MarkedText text;
  for (size_t i = 0; i < list->items.size(); ++i) {
    if (!list->items[i].text()) return call.wrong();
    if (i > 0) text.append(call.text());
    text.append(*list->items[i].text());
    PUMICE_TRY(call.evaluator.work(1 + (call.text().size() + list->items[i].text()->size()) / 16));
  }
  return Value(std::move(text));
}

Result<Value> is_all(const MethodCall& call) {
  const MarkedText& text = call.text();
  bool all = !text.empty();
  for (size_t at = 0; at < text.size() && all;) {
    const Utf8Unit unit = first_unit(text.view().substr(at, 4));
    const uint8_t of = char_class(unit.code_point);
    const bool letter = (of & CharClass::kLetter) != 0, digit = (of & CharClass::kNumber) != 0;
    all = call.name == "isalpha"   ? letter
          : call.name == "isalnum" ? letter || digit
          : call.name == "isspace" ? is_python_space(unit.code_point)
                                   : digit;
    at += std::max<uint32_t>(unit.length, 1);
  }
  return Value(all);
}

Result<Value> case_is(const MethodCall& call) {
  PUMICE_ASSIGN(const bool holds, call.evaluator.test(call.name == "isupper" ? "upper" : "lower", call.self, {}));
  return Value(holds);
}

// {}, {0}, {name} of str.format(); specifications such as {:>4} are refused.
Result<Value> format(const MethodCall& call) {
  const std::string& text = call.text().bytes();
  MarkedText made;
  size_t next = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const bool doubled = at + 1 < text.size() && text[at + 1] == c;
    if ((c != '{' && c != '}') || doubled) {
      made.append(call.text(), at, 1);
      at += (c == '{' || c == '}') ? 1 : 0;
      continue;
    }
    const size_t end = text.find('}', at);
    if (c == '}' || end == std::string::npos) return call.wrong();
    const std::string field = text.substr(at + 1, end - at - 1);
    const bool number = field.find_first_not_of("0123456789") == std::string::npos && field.size() < 4;
    const size_t place = field.empty() ? next++ : (number ? static_cast<size_t>(std::atoi(field.c_str())) : SIZE_MAX);
    const Value* value = call.arguments.get(place, field);
    if (!value) return call.wrong();
    made.append(str(*value));
    PUMICE_TRY(call.evaluator.work(1 + value->weight() / 16));
    at = end;
  }
  return Value(std::move(made));
}

Result<Value> pad(const MethodCall& call) {
  const auto size = static_cast<int64_t>(character_count(call.text().view()));
  const int64_t missing = std::clamp<int64_t>(call.integer(0, "width", 0) - size, 0, 4096);
  const MarkedText* with = call.text_argument(1);
  MarkedText fill;
  for (int64_t i = 0; i < missing; ++i) fill.append(with ? *with : MarkedText(call.name == "zfill" ? "0" : " ", true));
  MarkedText made = call.name == "ljust" ? call.text() : fill;
  made.append(call.name == "ljust" ? fill : call.text());
  return Value(std::move(made));
}

Result<Value> dict_method(const MethodCall& call) {
  const Dict& dict = *call.self.dict();
  if (call.name == "copy") return call.self;
  if (call.name == "get") {
    if (call.arguments.positional.empty()) return call.wrong();
    if (const Value* value = dict.find(call.arguments.positional[0])) return *value;
    return call.arguments.positional.size() > 1 ? call.arguments.positional[1] : Value(None{});
  }
  PUMICE_TRY(call.evaluator.work(dict.size()));
  Values values;
  for (const auto& [key, value] : dict.entries()) {
    if (call.name == "items") {
      PUMICE_ASSIGN(Value pair, list_value({key, value}, ListKind::kTuple));
      values.push_back(std::move(pair));
    } else {
      values.push_back(call.name == "keys" ? key : value);
    }
  }
  return list_value(std::move(values));
}

Result<Value> list_method(const MethodCall& call) {
  const Values& items = *call.self.items();
  if (call.name == "copy") return call.self;
  if (call.arguments.positional.empty()) return call.wrong();
  int64_t times = 0, place = -1;
  uint64_t cost = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!equal(items[i], call.arguments.positional[0], cost)) continue;
    ++times;
    if (place < 0) place = static_cast<int64_t>(i);
  }
  PUMICE_TRY(call.evaluator.work(cost));
  if (call.name == "count") return Value(times);
  if (place < 0) return error(Status::kInvalidArgument, "list.index(): the value is not there");
  return Value(place);
}

Result<Value> loop_method(const MethodCall& call) {
  Loop& loop = **call.self.get<Loop*>();
  if (call.name == "cycle") {
    if (call.arguments.positional.empty()) return call.wrong();
    return call.arguments.positional[loop.index % call.arguments.positional.size()];
  }
  PUMICE_ASSIGN(Value now, list_value(call.arguments.positional));
  uint64_t cost = 0;
  const bool changed = !equal(now, loop.changed, cost);
  loop.changed = std::move(now);
  PUMICE_TRY(call.evaluator.work(cost));
  return Value(changed);
}

using Method = Result<Value> (*)(const MethodCall& call);
using NamedMethod = std::pair<std::string_view, Method>;

constexpr NamedMethod kTextMethods[] = {{"split", &split},
                                        {"rsplit", &split},
                                        {"strip", &strip},
                                        {"lstrip", &strip},
                                        {"rstrip", &strip},
                                        {"startswith", &starts_or_ends},
                                        {"endswith", &starts_or_ends},
                                        {"replace", &replace},
                                        {"upper", &letter_case},
                                        {"lower", &letter_case},
                                        {"title", &letter_case},
                                        {"capitalize", &letter_case},
                                        {"casefold", &letter_case},
                                        {"find", &find},
                                        {"rfind", &find},
                                        {"index", &find},
                                        {"rindex", &find},
                                        {"count", &find},
                                        {"join", &join_parts},
                                        {"splitlines", &splitlines},
                                        {"partition", &partition},
                                        {"rpartition", &partition},
                                        {"removeprefix", &remove_end},
                                        {"removesuffix", &remove_end},
                                        {"format", &format},
                                        {"isdigit", &is_all},
                                        {"isdecimal", &is_all},
                                        {"isnumeric", &is_all},
                                        {"isalpha", &is_all},
                                        {"isalnum", &is_all},
                                        {"isspace", &is_all},
                                        {"isupper", &case_is},
                                        {"islower", &case_is},
                                        {"ljust", &pad},
                                        {"rjust", &pad},
                                        {"zfill", &pad}};
constexpr NamedMethod kDictMethods[] = {{"get", &dict_method},
                                        {"items", &dict_method},
                                        {"keys", &dict_method},
                                        {"values", &dict_method},
                                        {"copy", &dict_method}};
constexpr NamedMethod kListMethods[] = {{"index", &list_method}, {"count", &list_method}, {"copy", &list_method}};
constexpr NamedMethod kLoopMethods[] = {{"cycle", &loop_method}, {"changed", &loop_method}};
// Methods that change their object, which the sandbox refuses.
constexpr std::string_view kChanging[] = {"append", "extend",  "insert", "remove",     "pop",    "clear",
                                          "sort",   "reverse", "update", "setdefault", "popitem"};

Method method_of(const Value& of, std::string_view name) {
  std::span<const NamedMethod> list;
  if (of.text()) list = kTextMethods;
  if (of.dict()) list = kDictMethods;
  if (of.items()) list = kListMethods;
  if (of.get<Loop*>()) list = kLoopMethods;
  for (const auto& [known, method] : list)
    if (known == name) return method;
  return nullptr;
}

bool changes(const Value& of, std::string_view name) {
  const bool known = std::find(std::begin(kChanging), std::end(kChanging), name) != std::end(kChanging);
  const bool of_dict =
      name == "pop" || name == "clear" || name == "update" || name == "setdefault" || name == "popitem";
  return known && (of.dict() ? of_dict : of.items() && (!of_dict || name == "pop" || name == "clear"));
}

}  // namespace

bool is_method(const Value& of, std::string_view name) { return method_of(of, name) || changes(of, name); }

Result<Value> call_method(Evaluator& evaluator, const Value& self, const std::string& name,
                          const CallArguments& arguments) {
  PUMICE_TRY(evaluator.work(1));
  if (const Method method = method_of(self, name)) return method({evaluator, self, name, arguments});
  return error(Status::kUnsupported, "%s.%s() would change a value of the sandbox", self.type_name(),
               printable(name.substr(0, 40)).c_str());
}

}  // namespace pumice::chat
