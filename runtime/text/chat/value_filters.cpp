// Filters of any value, and what all filters share.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/printable.h"
#include "text/chat/filters.h"
#include "text/chat/json.h"
#include "text/chat/python.h"

namespace pumice::chat {
namespace {

Result<Value> length(const FilterCall& call) {
  const ListRef* list = call.input.get<ListRef>();
  if (call.input.is_undefined()) return Value(int64_t{0});
  if (call.input.text()) return Value(static_cast<int64_t>(character_count(call.input.text()->view())));
  if (list && list->kind != ListKind::kGenerator) return Value(static_cast<int64_t>(list->list->items.size()));
  if (call.input.dict()) return Value(static_cast<int64_t>(call.input.dict()->size()));
  return error(Status::kInvalidArgument, "a value of type %s has no length", call.input.type_name());
}

Result<Value> otherwise(const FilterCall& call) {
  const Value* other = call.get(0, "default_value");
  const bool replaces = call.flag(1, "boolean", false) ? !truth(call.input) : call.input.is_undefined();
  if (!replaces) return call.input;
  return other ? *other : text_value("");
}

Result<Value> to_integer(const FilterCall& call) {
  const Value* given = call.get(0, "default");
  const Value fallback = given ? *given : Value(int64_t{0});
  int64_t integer = 0;
  if (as_integer(call.input, &integer)) return Value(integer);
  double number = 0;
  if (const MarkedText* text = call.input.text()) {
    const std::string body = stripped(*text, Ends::kBoth, nullptr).bytes();
    const size_t sign = !body.empty() && body[0] == '+' ? 1 : 0;
    const auto base = static_cast<int>(std::clamp<int64_t>(call.integer(1, "base", 10), 2, 36));
    const char *begin = body.data() + sign, *end = body.data() + body.size();
    const auto whole = std::from_chars(begin, end, integer, base);
    if (begin != end && whole.ec == std::errc() && whole.ptr == end) return Value(integer);
    const auto real = std::from_chars(begin, end, number);
    if (begin == end || real.ec != std::errc() || real.ptr != end) return fallback;
  } else if (const double* held = call.input.get<double>()) {
    number = *held;
  } else {
    return fallback;
  }
  if (!(std::fabs(number) < 9.2e18)) return fallback;
  return Value(static_cast<int64_t>(number));
}

Result<Value> to_float(const FilterCall& call) {
  const Value* given = call.get(0, "default");
  const Value fallback = given ? *given : Value(0.0);
  if (call.input.is_number()) return Value(as_double(call.input));
  if (!call.input.text()) return fallback;
  const std::string body = stripped(*call.input.text(), Ends::kBoth, nullptr).bytes();
  double number = 0;
  const auto made = std::from_chars(body.data(), body.data() + body.size(), number);
  if (body.empty() || made.ec != std::errc() || made.ptr != body.data() + body.size()) return fallback;
  return Value(number);
}

Result<Value> absolute(const FilterCall& call) {
  int64_t integer = 0;
  if (!call.input.is_number()) return error(Status::kInvalidArgument, "the filter abs of %s", call.input.type_name());
  if (!as_integer(call.input, &integer)) return Value(std::fabs(as_double(call.input)));
  return integer < 0 ? call.evaluator.operate("-", Value(int64_t{0}), Value(integer)) : Result<Value>(Value(integer));
}

Result<Value> rounded(const FilterCall& call) {
  if (!call.input.is_number()) return error(Status::kInvalidArgument, "the filter round of %s", call.input.type_name());
  const double scale =
      std::pow(10.0, static_cast<double>(std::clamp<int64_t>(call.integer(0, "precision", 0), -300, 300)));
  const Value* method = call.get(1, "method");
  const std::string how = method ? str(*method).bytes() : "common";
  const double value = as_double(call.input) * scale;
  return Value((how == "ceil" ? std::ceil(value) : (how == "floor" ? std::floor(value) : std::nearbyint(value))) /
               scale);
}

Result<Value> tojson(const FilterCall& call) {
  JsonStyle style{.ensure_ascii = call.flag(0, "ensure_ascii", false)};
  style.sort_keys = call.flag(3, "sort_keys", false);
  const Value *indent = call.get(1, "indent"), *separators = call.get(2, "separators");
  if (indent && indent->text()) {
    style.indent = indent->text()->bytes();
  } else if (indent && !indent->is_none()) {
    style.indent = std::string(static_cast<size_t>(std::clamp<int64_t>(call.integer(1, "indent", 0), 0, 64)), ' ');
  }
  if (style.indent) style.item_separator = ",";
  if (separators && separators->items() && separators->items()->size() == 2) {
    style.item_separator = str((*separators->items())[0]).bytes();
    style.key_separator = str((*separators->items())[1]).bytes();
  }
  const uint64_t more = style.indent ? style.indent->size() * call.input.depth() : 0;
  PUMICE_TRY(call.evaluator.work(call.input.weight() *
                                 (4 + more + style.item_separator.size() + style.key_separator.size()) / 16));
  PUMICE_ASSIGN(MarkedText text, to_json(call.input, style));
  return Value(std::move(text));
}

Result<Value> from_json(const FilterCall& call) {
  if (!call.input.text())
    return error(Status::kInvalidArgument, "the filter from_json takes a text, not %s", call.input.type_name());
  PUMICE_TRY(call.evaluator.work(call.input.text()->size()));
  return parse_json(call.input.text()->view(), call.input.text()->all_trusted());
}

Result<Value> attr(const FilterCall& call) {
  const Value* name = call.get(0, "name");
  if (!name || !name->text()) return error(Status::kInvalidArgument, "the filter attr takes a name");
  return call.evaluator.attribute(call.input, name->text()->bytes());
}

}  // namespace

bool FilterCall::flag(size_t place, std::string_view argument, bool otherwise) const {
  const Value* value = get(place, argument);
  return value ? truth(*value) : otherwise;
}

int64_t FilterCall::integer(size_t place, std::string_view argument, int64_t otherwise) const {
  const Value* value = get(place, argument);
  int64_t integer = 0;
  return value && as_integer(*value, &integer) ? integer : otherwise;
}

Filter value_filter(std::string_view name) {
  static constexpr std::pair<std::string_view, Filter> kFilters[] = {
      {"length", &length},  {"count", &length},        {"default", &otherwise},  {"d", &otherwise},
      {"int", &to_integer}, {"float", &to_float},      {"abs", &absolute},       {"round", &rounded},
      {"tojson", &tojson},  {"from_json", &from_json}, {"fromjson", &from_json}, {"attr", &attr}};
  for (const auto& [known, filter] : kFilters)
    if (known == name) return filter;
  return nullptr;
}

bool is_filter(std::string_view name) { return text_filter(name) || list_filter(name) || value_filter(name); }

Value folded(const Value& value) {
  if (!value.text()) return value;
  return Value(lower_case(*value.text()));
}

Result<Value> value_at(Evaluator& evaluator, const Value& of, const Value& path) {
  if (!path.text()) return evaluator.item(of, path);
  Value value = of;
  const std::string& text = path.text()->bytes();
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('.', at), text.size());
    const std::string part = text.substr(at, end - at);
    int64_t index = 0;
    const auto number = std::from_chars(part.data(), part.data() + part.size(), index);
    const bool is_number = number.ec == std::errc() && number.ptr == part.data() + part.size();
    PUMICE_ASSIGN(value, evaluator.item(value, is_number ? Value(index) : text_value(part)));
    at = end + 1;
  }
  return value;
}

Result<Value> Evaluator::filter(const std::string& name, const Value& input, const CallArguments& arguments) {
  Filter found = text_filter(name);
  if (!found) found = list_filter(name);
  if (!found) found = value_filter(name);
  if (!found) return error(Status::kUnsupported, "the filter '%s' is not known", printable(name.substr(0, 40)).c_str());
  PUMICE_TRY(work(1 + input.weight() / 64));
  Result<Value> made = found({*this, name, input, arguments});
  if (made && made->text()) PUMICE_TRY(work(made->text()->size() / 16));
  return made;
}

}  // namespace pumice::chat
