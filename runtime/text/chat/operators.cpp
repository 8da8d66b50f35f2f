// Operators, iteration and comparison of Evaluator.
#include <cmath>

#include "base/integers.h"
#include "text/chat/evaluator.h"
#include "text/chat/python.h"

namespace pumice::chat {
namespace {

Error no_operator(const std::string& sign, const Value& a, const Value& b) {
  return error(Status::kInvalidArgument, "%s %s %s is not possible", a.type_name(), sign.c_str(), b.type_name());
}

Result<Value> integer_result(const std::string& sign, int64_t a, int64_t b) {
  int64_t result = 0;
  bool overflow = false;
  if (sign == "+") {
    overflow = add_overflows(a, b, result);
  } else if (sign == "-") {
    overflow = subtract_overflows(a, b, result);
  } else if (sign == "*") {
    overflow = multiply_overflows(a, b, result);
  } else if (b == 0) {
    return error(Status::kInvalidArgument, "division by zero");
  } else if (b == -1) {
    if (sign == "//") overflow = subtract_overflows(0, a, result);
  } else {
    const bool towards_zero = (a % b != 0) && ((a < 0) != (b < 0));
    result = sign == "//" ? a / b - (towards_zero ? 1 : 0) : a % b + (towards_zero ? b : 0);
  }
  if (overflow) return error(Status::kUnsupported, "%s gives an integer of more than 64 bits", sign.c_str());
  return Value(result);
}

Result<Value> integer_power(int64_t base, int64_t exponent) {
  int64_t result = 1;
  for (; exponent > 0 && base != 0 && base != 1; --exponent)
    if (base == -1 ? (result = (exponent % 2 != 0 ? -1 : 1), exponent = 1, false)
                   : multiply_overflows(result, base, result))
      return error(Status::kUnsupported, "** gives an integer of more than 64 bits");
  if (base == 0 && exponent > 0) return Value(int64_t{0});
  return Value(result);
}

Result<Value> number_result(const std::string& sign, const Value& a, const Value& b) {
  int64_t left = 0, right = 0;
  const bool whole = as_integer(a, &left) && as_integer(b, &right);
  if (whole && sign != "/" && sign != "**") return integer_result(sign, left, right);
  if (whole && sign == "**" && right >= 0) return integer_power(left, right);
  const double x = as_double(a), y = as_double(b);
  if ((sign == "/" || sign == "//" || sign == "%") && y == 0)
    return error(Status::kInvalidArgument, "division by zero");
  if (sign == "+") return Value(x + y);
  if (sign == "-") return Value(x - y);
  if (sign == "*") return Value(x * y);
  if (sign == "/") return Value(x / y);
  if (sign == "//") return Value(std::floor(x / y));
  if (sign == "%") return Value(x - y * std::floor(x / y));
  return Value(std::pow(x, y));
}

// A text or a list, several times.
Result<Value> repeated(Evaluator& evaluator, const Value& value, int64_t times) {
  const uint64_t count = times > 0 ? static_cast<uint64_t>(times) : 0;
  const uint64_t size = value.text() ? value.text()->size() / 16 + 1 : value.items()->size() + 1;
  if (count > (uint64_t{1} << 32))
    return error(Status::kUnsupported, "a repetition of %llu times", static_cast<unsigned long long>(count));
  PUMICE_TRY(evaluator.work(size * count));
  MarkedText text;
  Values items;
  for (uint64_t i = 0; i < count; ++i) {
    if (value.text())
      text.append(*value.text());
    else
      items.insert(items.end(), value.items()->begin(), value.items()->end());
  }
  if (value.text()) return Value(std::move(text));
  return list_value(std::move(items), value.get<ListRef>()->kind);
}

}  // namespace

Result<Value> Evaluator::operate(const std::string& sign, const Value& a, const Value& b) {
  if (sign == "~") {
    MarkedText text = str(a);
    text.append(str(b));
    text.safe = false;
    PUMICE_TRY(work(text.size() / 16));
    return Value(std::move(text));
  }
  for (const Value* side : {&a, &b}) {
    if (!side->is_undefined()) continue;
    const auto& name = side->get<Undefined>()->name;
    return error(Status::kInvalidArgument, "'%s' is undefined, so %s is not possible", name ? name->c_str() : "a value",
                 sign.c_str());
  }
  if (a.is_number() && b.is_number()) return number_result(sign, a, b);
  int64_t times = 0;
  if (sign == "*" && (a.text() || a.items()) && as_integer(b, &times)) return repeated(*this, a, times);
  if (sign == "*" && (b.text() || b.items()) && as_integer(a, &times)) return repeated(*this, b, times);
  if (sign != "+") return no_operator(sign, a, b);
  if (a.text() && b.text()) {
    MarkedText text = joined(*a.text(), *b.text());
    PUMICE_TRY(work(text.size() / 16));
    return Value(std::move(text));
  }
  const ListRef *x = a.get<ListRef>(), *y = b.get<ListRef>();
  if (!x || !y || x->kind != y->kind || x->kind == ListKind::kGenerator) return no_operator(sign, a, b);
  Values items = x->list->items;
  items.insert(items.end(), y->list->items.begin(), y->list->items.end());
  PUMICE_TRY(work(items.size()));
  return list_value(std::move(items), x->kind);
}

Result<bool> Evaluator::compare(const std::string& sign, const Value& a, const Value& b) {
  uint64_t cost = 0;
  bool holds = false;
  if (sign == "==" || sign == "!=") {
    holds = equal(a, b, cost) == (sign == "==");
  } else if (sign == "in" || sign == "not in") {
    if (b.text() && a.text()) {
      holds = b.text()->bytes().find(a.text()->bytes()) != std::string::npos;
      cost = b.text()->size() / 16;
    } else if (const Dict* dict = b.dict()) {
      holds = dict->find(a) != nullptr;
    } else if (const Values* items = b.items()) {
      for (size_t i = 0; i < items->size() && !holds; ++i) holds = equal(a, (*items)[i], cost);
    } else if (!b.is_undefined()) {
      return no_operator(sign, a, b);
    }
    holds = holds == (sign == "in");
  } else {
    PUMICE_ASSIGN(const int way, order(a, b, cost));
    holds = sign == "<" ? way < 0 : (sign == ">" ? way > 0 : (sign == "<=" ? way <= 0 : way >= 0));
  }
  PUMICE_TRY(work(cost));
  return holds;
}

Result<std::shared_ptr<const List>> Evaluator::iterated(const Value& value) {
  if (const ListRef* list = value.get<ListRef>()) return list->list;
  List made;
  if (const MarkedText* text = value.text()) {
    const std::vector<size_t> starts = character_starts(text->view());
    PUMICE_TRY(work(starts.size()));
    for (size_t i = 0; i + 1 < starts.size(); ++i)
      made.items.emplace_back(text->substr(starts[i], starts[i + 1] - starts[i]));
  } else if (const Dict* dict = value.dict()) {
    PUMICE_TRY(work(dict->size()));
    for (const Dict::Entry& entry : dict->entries()) made.items.push_back(entry.first);
  } else if (!value.is_undefined()) {
    return error(Status::kInvalidArgument, "a value of type %s cannot be iterated", value.type_name());
  }
  for (const Value& item : made.items) made.weight += item.weight();
  return std::make_shared<const List>(std::move(made));
}

}  // namespace pumice::chat
