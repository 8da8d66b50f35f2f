// The half of Evaluator that evaluates expressions.
#include <algorithm>

#include "base/printable.h"
#include "text/chat/evaluator.h"
#include "text/chat/python.h"

namespace pumice::chat {
namespace {

Value undefined(const std::string& name) { return Undefined{std::make_shared<const std::string>(name)}; }

Error undefined_error(const Value& value) {
  const auto& name = value.get<Undefined>()->name;
  return error(Status::kInvalidArgument, "'%s' is undefined",
               name ? printable(std::string_view(*name).substr(0, 80)).c_str() : "a value");
}

// Bounds of Python's [begin:end:step] over `size` items.
struct SliceBounds {
  int64_t begin, end, step;
};

Result<SliceBounds> slice_bounds(const Value& begin, const Value& end, const Value& step, int64_t size) {
  SliceBounds bounds{0, size, 1};
  if (!step.is_none() && !as_integer(step, &bounds.step))
    return error(Status::kInvalidArgument, "a slice's step is %s", step.type_name());
  if (bounds.step == 0) return error(Status::kInvalidArgument, "a slice's step is zero");
  const bool down = bounds.step < 0;
  const auto place = [&](const Value& value, int64_t otherwise) -> Result<int64_t> {
    int64_t at = 0;
    if (value.is_none()) return otherwise;
    if (!as_integer(value, &at)) return error(Status::kInvalidArgument, "a slice's bound is %s", value.type_name());
    if (at < 0) at = at < -size ? (down ? -1 : 0) : at + size;
    return std::min(at, down ? size - 1 : size);
  };
  PUMICE_ASSIGN(bounds.begin, place(begin, down ? size - 1 : 0));
  PUMICE_ASSIGN(bounds.end, place(end, down ? -1 : size));
  bounds.step = std::clamp<int64_t>(bounds.step, -size - 1, size + 1);
  return bounds;
}

}  // namespace

const Value* CallArguments::get(size_t place, std::string_view name) const {
  if (place < positional.size()) return &positional[place];
  for (const Named& one : named)
    if (one.first == name) return &one.second;
  return nullptr;
}

Namespace* Evaluator::make_namespace() { return &namespaces_.emplace_back(); }

Result<Value> Evaluator::evaluate(const Expr& expr) {
  PUMICE_TRY(enter(expr.line));
  ++depth_;
  Result<Value> value = evaluate_kind(expr);
  --depth_;
  if (!value && error_line_ == 0) error_line_ = expr.line;
  return value;
}

Result<Value> Evaluator::evaluate_kind(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kConstant:
      return expr.constant;
    case ExprKind::kName:
      return look_up(expr.name);
    case ExprKind::kList:
    case ExprKind::kTuple:
    case ExprKind::kDict:
      return evaluate_collection(expr);
    case ExprKind::kAttribute: {
      PUMICE_ASSIGN(const Value of, evaluate(*expr.parts[0]));
      return attribute(of, expr.name);
    }
    case ExprKind::kItem: {
      PUMICE_ASSIGN(const Value of, evaluate(*expr.parts[0]));
      PUMICE_ASSIGN(const Value key, evaluate(*expr.parts[1]));
      return item(of, key);
    }
    case ExprKind::kSlice:
      return evaluate_slice(expr);
    case ExprKind::kCall:
    case ExprKind::kFilter:
    case ExprKind::kTest:
      return evaluate_call(expr);
    case ExprKind::kArithmetic:
    case ExprKind::kConcat: {
      PUMICE_ASSIGN(const Value a, evaluate(*expr.parts[0]));
      PUMICE_ASSIGN(const Value b, evaluate(*expr.parts[1]));
      return operate(expr.name, a, b);
    }
    case ExprKind::kCompare:
      return evaluate_comparison(expr);
    case ExprKind::kNegative:
    case ExprKind::kPositive:
      return evaluate_sign(expr);
    default:
      return evaluate_logic(expr);
  }
}

Result<Value> Evaluator::evaluate_logic(const Expr& expr) {
  PUMICE_ASSIGN(Value first, evaluate(*expr.parts[0]));
  switch (expr.kind) {
    case ExprKind::kNot:
      return Value(!truth(first));
    case ExprKind::kAnd:
      return truth(first) ? evaluate(*expr.parts[1]) : Result<Value>(std::move(first));
    case ExprKind::kOr:
      return truth(first) ? Result<Value>(std::move(first)) : evaluate(*expr.parts[1]);
    default:
      if (truth(first)) return evaluate(*expr.parts[1]);
      if (expr.parts[2]) return evaluate(*expr.parts[2]);
      return undefined("an if without else");
  }
}

Result<Value> Evaluator::evaluate_sign(const Expr& expr) {
  PUMICE_ASSIGN(const Value value, evaluate(*expr.parts[0]));
  if (!value.is_number()) return error(Status::kInvalidArgument, "a sign before %s", value.type_name());
  return operate(expr.kind == ExprKind::kNegative ? "-" : "+", Value(int64_t{0}), value);
}

Result<Value> Evaluator::look_up(const std::string& name) {
  for (Scope* scope = scope_; scope; scope = scope->parent)
    if (const Value* value = scope->find(name)) return *value;
  if (is_global_function(name)) return Value(Function{name, nullptr});
  return undefined(name);
}

Result<Value> Evaluator::evaluate_collection(const Expr& expr) {
  Values values;
  for (const ExprPtr& part : expr.parts) {
    PUMICE_ASSIGN(Value value, evaluate(*part));
    values.push_back(std::move(value));
  }
  if (expr.kind != ExprKind::kDict)
    return list_value(std::move(values), expr.kind == ExprKind::kTuple ? ListKind::kTuple : ListKind::kList);
  Dict dict;
  for (size_t i = 0; i + 1 < values.size(); i += 2)
    if (!dict.set(values[i], values[i + 1]))
      return error(Status::kInvalidArgument, "a dict's key of type %s", values[i].type_name());
  return dict_value(std::move(dict));
}

Result<Value> Evaluator::evaluate_comparison(const Expr& expr) {
  PUMICE_ASSIGN(Value left, evaluate(*expr.parts[0]));
  for (size_t i = 0; i < expr.operators.size(); ++i) {
    PUMICE_ASSIGN(Value right, evaluate(*expr.parts[i + 1]));
    PUMICE_ASSIGN(const bool holds, compare(expr.operators[i], left, right));
    if (!holds) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Result<CallArguments> Evaluator::evaluate_arguments(const Expr& expr) {
  CallArguments arguments;
  for (const Argument& one : expr.arguments) {
    PUMICE_ASSIGN(Value value, evaluate(*one.value));
    if (one.name.empty()) {
      arguments.positional.push_back(std::move(value));
    } else if (one.name == "*") {
      PUMICE_ASSIGN(const std::shared_ptr<const List> list, iterated(value));
      PUMICE_TRY(work(list->items.size()));
      arguments.positional.insert(arguments.positional.end(), list->items.begin(), list->items.end());
    } else if (one.name == "**") {
      const Dict* dict = value.dict();
      if (!dict) return error(Status::kInvalidArgument, "** takes a dict, not %s", value.type_name());
      PUMICE_TRY(work(dict->size()));
      for (const auto& [key, held] : dict->entries()) arguments.named.emplace_back(str(key).bytes(), held);
    } else {
      arguments.named.emplace_back(one.name, std::move(value));
    }
  }
  return arguments;
}

Result<Value> Evaluator::evaluate_call(const Expr& expr) {
  Value first;
  const bool has_input = expr.kind != ExprKind::kTest || expr.parts[0];
  if (has_input) {
    PUMICE_ASSIGN(first, evaluate(*expr.parts[0]));
  }
  PUMICE_ASSIGN(const CallArguments arguments, evaluate_arguments(expr));
  if (expr.kind == ExprKind::kTest) {
    PUMICE_ASSIGN(const bool holds, test(expr.name, first, arguments));
    return Value(holds);
  }
  if (expr.kind == ExprKind::kFilter) return filter(expr.name, first, arguments);
  return call(first, arguments);
}

Result<Value> Evaluator::call(const Value& function, const CallArguments& arguments) {
  if (function.is_undefined()) return undefined_error(function);
  if (const Macro* const* macro = function.get<const Macro*>()) return call_macro(**macro, arguments);
  const Function* held = function.get<Function>();
  if (!held) return error(Status::kInvalidArgument, "a value of type %s cannot be called", function.type_name());
  Result<Value> made =
      held->self ? call_method(*this, *held->self, held->name, arguments) : call_global(*this, held->name, arguments);
  if (made && made->text()) PUMICE_TRY(work(made->text()->size() / 16));
  return made;
}

Result<Value> Evaluator::evaluate_slice(const Expr& expr) {
  PUMICE_ASSIGN(const Value of, evaluate(*expr.parts[0]));
  Value bounds[3] = {None{}, None{}, None{}};
  for (size_t i = 0; i < 3; ++i) {
    if (!expr.parts[i + 1]) continue;
    PUMICE_ASSIGN(bounds[i], evaluate(*expr.parts[i + 1]));
  }
  const MarkedText* text = of.text();
  const Values* items = of.items();
  if (of.is_undefined()) return undefined_error(of);
  if (!text && !items) return error(Status::kInvalidArgument, "a slice of %s", of.type_name());
  const std::vector<size_t> starts = text ? character_starts(text->view()) : std::vector<size_t>();
  const auto size = static_cast<int64_t>(text ? starts.size() - 1 : items->size());
  PUMICE_TRY(work(static_cast<uint64_t>(size) / 4));
  PUMICE_ASSIGN(const SliceBounds slice, slice_bounds(bounds[0], bounds[1], bounds[2], size));
  if (text && slice.step == 1 && slice.begin < slice.end) {
    const size_t first = starts[static_cast<size_t>(slice.begin)];
    return Value(text->substr(first, starts[static_cast<size_t>(slice.end)] - first));
  }
  MarkedText part;
  Values chosen;
  for (int64_t i = slice.begin; slice.step > 0 ? i < slice.end : i > slice.end; i += slice.step) {
    const auto at = static_cast<size_t>(i);
    if (text)
      part.append(*text, starts[at], starts[at + 1] - starts[at]);
    else
      chosen.push_back((*items)[at]);
  }
  if (text) return Value(std::move(part));
  return list_value(std::move(chosen), of.get<ListRef>()->kind);
}

Result<Value> Evaluator::loop_attribute(Loop& loop, const std::string& name) {
  const Values& items = loop.list->items;
  const auto index = static_cast<int64_t>(loop.index), size = static_cast<int64_t>(items.size());
  if (name == "index") return Value(index + 1);
  if (name == "index0") return Value(index);
  if (name == "revindex") return Value(size - index);
  if (name == "revindex0") return Value(size - index - 1);
  if (name == "first") return Value(index == 0);
  if (name == "last") return Value(index + 1 >= size);
  if (name == "length") return Value(size);
  if (name == "depth") return Value(static_cast<int64_t>(loop.depth) + 1);
  if (name == "depth0") return Value(static_cast<int64_t>(loop.depth));
  if (name == "previtem") return index > 0 ? items[loop.index - 1] : undefined("there is no previous item");
  if (name == "nextitem") return index + 1 < size ? items[loop.index + 1] : undefined("there is no next item");
  if (name == "cycle" || name == "changed") return Value(Function{name, std::make_shared<const Value>(&loop)});
  return undefined("loop." + name);
}

Result<Value> Evaluator::attribute(const Value& of, const std::string& name) {
  if (of.is_undefined()) return undefined_error(of);
  if (Loop* const* loop = of.get<Loop*>()) return loop_attribute(**loop, name);
  if (Namespace* const* space = of.get<Namespace*>()) {
    for (const Named& named : (*space)->names)
      if (named.first == name) return named.second;
    return undefined(name);
  }
  if (is_method(of, name)) return Value(Function{name, std::make_shared<const Value>(of)});
  if (const Dict* dict = of.dict())
    if (const Value* value = dict->find(std::string_view(name))) return *value;
  return undefined(name);
}

Result<Value> Evaluator::item(const Value& of, const Value& key) {
  if (of.is_undefined()) return undefined_error(of);
  if (const Dict* dict = of.dict())
    if (const Value* value = dict->find(key)) return *value;
  int64_t at = 0;
  const Values* items = of.items();
  const MarkedText* text = of.text();
  if ((items || text) && as_integer(key, &at)) {
    const std::vector<size_t> starts = text ? character_starts(text->view()) : std::vector<size_t>();
    if (text) PUMICE_TRY(work(text->size() / 4));
    const auto size = static_cast<int64_t>(text ? starts.size() - 1 : items->size());
    if (at < 0) at += size;
    if (at < 0 || at >= size) return undefined("an item beyond the end");
    const auto i = static_cast<size_t>(at);
    return text ? Value(text->substr(starts[i], starts[i + 1] - starts[i])) : (*items)[i];
  }
  if (const MarkedText* name = key.text()) return attribute(of, name->bytes());
  return undefined("an item that is not there");
}

}  // namespace pumice::chat
