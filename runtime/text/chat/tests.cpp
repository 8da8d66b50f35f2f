// Jinja's tests: what may stand behind "is".
#include <algorithm>
#include <cctype>

#include "base/printable.h"
#include "text/chat/evaluator.h"
#include "text/chat/filters.h"
#include "text/chat/python.h"
#include "text/unicode.h"

namespace pumice::chat {
namespace {

bool is_integer(const Value& value) { return value.get<int64_t>() != nullptr; }

// Whether the text has letters and `map` changes none of them.
bool keeps_case(const Value& value, uint32_t (*map)(uint32_t)) {
  const MarkedText text = str(value);
  bool letters = false;
  for (size_t at = 0; at < text.size();) {
    const Utf8Unit unit = first_unit(text.view().substr(at, 4));
    const uint32_t c = unit.code_point;
    if (map(c) != c) return false;
    letters = letters || to_lower(c) != to_upper(c);
    at += std::max<uint32_t>(unit.length, 1);
  }
  return letters;
}

// Tests of the value's kind alone; nothing where the name is another.
std::optional<bool> kind_test(const std::string& name, const Value& v) {
  const bool* flag = v.get<bool>();
  const ListRef* list = v.get<ListRef>();
  const bool sized = v.text() || v.dict() || (list && list->kind != ListKind::kGenerator);
  if (name == "defined") return !v.is_undefined();
  if (name == "undefined") return v.is_undefined();
  if (name == "none") return v.is_none();
  if (name == "string") return v.text() != nullptr;
  if (name == "mapping") return v.dict() != nullptr;
  if (name == "sequence") return sized || v.is_undefined();
  if (name == "iterable") return sized || list || v.is_undefined() || v.get<Loop*>();
  if (name == "boolean") return flag != nullptr;
  if (name == "true") return flag && *flag;
  if (name == "false") return flag && !*flag;
  if (name == "number") return v.is_number();
  if (name == "integer") return is_integer(v);
  if (name == "float") return v.get<double>() != nullptr;
  if (name == "callable") return v.get<Function>() || v.get<const Macro*>() || v.get<Loop*>();
  if (name == "lower") return keeps_case(v, &to_lower);
  if (name == "upper") return keeps_case(v, &to_upper);
  if (name == "escaped") return v.text() && v.text()->safe;
  if (name == "filter") return v.text() && is_filter(v.text()->bytes());
  return std::nullopt;
}

const char* sign_of(const std::string& name) {
  static constexpr struct {
    const char *name, *sign;
  } kSigns[] = {{"equalto", "=="}, {"eq", "=="}, {"==", "=="},         {"ne", "!="}, {"!=", "!="}, {"lessthan", "<"},
                {"lt", "<"},       {"<", "<"},   {"greaterthan", ">"}, {"gt", ">"},  {">", ">"},   {"le", "<="},
                {"<=", "<="},      {"ge", ">="}, {">=", ">="},         {"in", "in"}};
  for (const auto& one : kSigns)
    if (name == one.name) return one.sign;
  return nullptr;
}

}  // namespace

Result<bool> Evaluator::test(const std::string& name, const Value& input, const CallArguments& arguments) {
  if (const std::optional<bool> holds = kind_test(name, input)) {
    if (input.text()) PUMICE_TRY(work(input.text()->size() / 64));
    return *holds;
  }
  const Value* other = arguments.get(0, "other");
  int64_t number = 0, by = 0;
  if ((name == "odd" || name == "even") && as_integer(input, &number)) return (number % 2 != 0) == (name == "odd");
  const char* sign = sign_of(name);
  if (!sign && name != "divisibleby" && name != "sameas" && name != "odd" && name != "even")
    return error(Status::kUnsupported, "the test 'is %s' is not known", printable(name.substr(0, 40)).c_str());
  if (!other) return error(Status::kInvalidArgument, "the test 'is %s' takes another value", name.c_str());
  if (sign) return compare(sign, input, *other);
  if (name == "divisibleby" && as_integer(input, &number) && as_integer(*other, &by) && by != 0)
    return by == -1 || number % by == 0;
  if (name == "sameas") {
    if (std::string_view(input.type_name()) != other->type_name()) return false;
    return compare("==", input, *other);
  }
  return error(Status::kInvalidArgument, "the test 'is %s' of %s", name.c_str(), input.type_name());
}

}  // namespace pumice::chat
