// The half of Evaluator that runs statements.
#include <algorithm>

#include "text/chat/evaluator.h"
#include "text/chat/python.h"

namespace pumice::chat {

Value* Scope::find(std::string_view name) {
  for (Named& named : names)
    if (named.first == name) return &named.second;
  return nullptr;
}

void Scope::set(const std::string& name, Value value) {
  if (Value* held = find(name)) {
    *held = std::move(value);
  } else {
    names.emplace_back(name, std::move(value));
  }
}

Result<MarkedText> Evaluator::render(const Body& body) {
  MarkedText text;
  out_ = &text;
  const Result<Flow> done = run(body);
  if (done) return text;
  if (raised_ || error_line_ == 0) return done.error();
  return error(done.error().status, "line %u: %s", error_line_, done.error().message.c_str());
}

Error Evaluator::raise(std::string message) {
  raised_ = true;
  return Error{Status::kInvalidArgument, std::move(message)};
}

Result<void> Evaluator::work(uint64_t steps) {
  steps_ += steps;
  if (steps_ <= limits_.steps) return {};
  return error(Status::kUnsupported, "the template takes more than %llu steps",
               static_cast<unsigned long long>(limits_.steps));
}

Result<void> Evaluator::enter(uint32_t line) {
  Result<void> allowed = work(1);
  if (allowed && depth_ >= limits_.depth)
    allowed = error(Status::kUnsupported, "macros or expressions nest more than %u deep", limits_.depth);
  if (!allowed && error_line_ == 0) error_line_ = line;
  return allowed;
}

Result<void> Evaluator::write(const MarkedText& text) {
  PUMICE_TRY(work(text.size() / 16));
  if (text.size() > limits_.output - std::min(limits_.output, out_->size()))
    return error(Status::kUnsupported, "the rendered text has more than %zu bytes", limits_.output);
  out_->append(text);
  return {};
}

Result<Evaluator::Flow> Evaluator::run(const Body& body) {
  for (const Statement& statement : body) {
    PUMICE_TRY(enter(statement.line));
    ++depth_;
    const Result<Flow> flow = run_one(statement);
    --depth_;
    if (!flow && error_line_ == 0) error_line_ = statement.line;
    if (!flow || *flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Result<Evaluator::Flow> Evaluator::run_one(const Statement& statement) {
  switch (statement.kind) {
    case StatementKind::kText:
      PUMICE_TRY(write(MarkedText(statement.text, true)));
      break;
    case StatementKind::kOutput: {
      PUMICE_ASSIGN(const Value value, evaluate(*statement.exprs[0]));
      PUMICE_TRY(write(str(value)));
      break;
    }
    case StatementKind::kFor:
      return run_for(statement);
    case StatementKind::kIf:
      return run_if(statement);
    case StatementKind::kSet:
    case StatementKind::kSetBlock:
      PUMICE_TRY(run_set(statement));
      break;
    case StatementKind::kMacro:
      scope_->set(statement.text, Value(make_macro(statement)));
      break;
    case StatementKind::kCall:
      PUMICE_TRY(run_call(statement));
      break;
    case StatementKind::kFilter: {
      PUMICE_ASSIGN(MarkedText text, captured(statement.bodies[0]));
      PUMICE_ASSIGN(const Value value, filtered(statement.filters.get(), Value(std::move(text))));
      PUMICE_TRY(write(str(value)));
      break;
    }
    case StatementKind::kWith:
      return run_with(statement);
    case StatementKind::kBlock:
      return in_scope(scope_, [&] { return run(statement.bodies[0]); });
    case StatementKind::kBreak:
      return Flow::kBreak;
    case StatementKind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNext;
}

Result<Evaluator::Flow> Evaluator::run_if(const Statement& statement) {
  for (size_t i = 0; i < statement.exprs.size(); ++i) {
    PUMICE_ASSIGN(const Value condition, evaluate(*statement.exprs[i]));
    if (truth(condition)) return run(statement.bodies[i]);
  }
  if (statement.bodies.size() > statement.exprs.size()) return run(statement.bodies.back());
  return Flow::kNext;
}

Result<Evaluator::Flow> Evaluator::run_with(const Statement& statement) {
  Values values;
  for (const ExprPtr& expr : statement.exprs) {
    PUMICE_ASSIGN(Value value, evaluate(*expr));
    values.push_back(std::move(value));
  }
  return in_scope(scope_, [&] {
    for (size_t i = 0; i < values.size(); ++i) scope_->set(statement.names[i], values[i]);
    return run(statement.bodies[0]);
  });
}

Result<MarkedText> Evaluator::captured(const Body& body) {
  MarkedText text;
  MarkedText* const outer = std::exchange(out_, &text);
  const Result<Flow> done = in_scope(scope_, [&] { return run(body); });
  out_ = outer;
  if (!done) return done.error();
  return text;
}

Result<Value> Evaluator::filtered(const Expr* chain, Value value) {
  if (!chain) return value;
  PUMICE_ASSIGN(const Value input, filtered(chain->parts[0].get(), std::move(value)));
  PUMICE_ASSIGN(const CallArguments arguments, evaluate_arguments(*chain));
  return filter(chain->name, input, arguments);
}

Result<void> Evaluator::bind(const std::vector<std::string>& names, const Value& value) {
  if (names.size() == 1) {
    scope_->set(names[0], value);
    return {};
  }
  PUMICE_ASSIGN(const std::shared_ptr<const List> list, iterated(value));
  if (list->items.size() != names.size())
    return error(Status::kInvalidArgument, "%zu values for %zu variables", list->items.size(), names.size());
  for (size_t i = 0; i < names.size(); ++i) scope_->set(names[i], list->items[i]);
  return {};
}

Result<void> Evaluator::run_set(const Statement& statement) {
  Value value;
  if (statement.kind == StatementKind::kSet) {
    PUMICE_ASSIGN(value, evaluate(*statement.exprs[0]));
  } else {
    PUMICE_ASSIGN(MarkedText text, captured(statement.bodies[0]));
    PUMICE_ASSIGN(value, filtered(statement.filters.get(), Value(std::move(text))));
  }
  if (statement.attribute.empty()) return bind(statement.names, value);
  PUMICE_ASSIGN(const Value target, look_up(statement.names[0]));
  Namespace* const* space = target.get<Namespace*>();
  if (!space)
    return error(Status::kInvalidArgument, "{%% set %s.%s %%}: only a namespace has attributes that can be set",
                 statement.names[0].c_str(), statement.attribute.c_str());
  if (statement.attribute[0] == '_')
    return error(Status::kInvalidArgument, "namespace attribute '%s'", statement.attribute.c_str());
  for (Named& named : (*space)->names) {
    if (named.first != statement.attribute) continue;
    named.second = std::move(value);
    return {};
  }
  (*space)->names.emplace_back(statement.attribute, std::move(value));
  return {};
}

Result<std::shared_ptr<const List>> Evaluator::loop_items(const Statement& statement) {
  PUMICE_ASSIGN(const Value value, evaluate(*statement.exprs[0]));
  PUMICE_ASSIGN(std::shared_ptr<const List> list, iterated(value));
  if (!statement.exprs[1]) return list;
  List kept;
  for (const Value& item : list->items) {
    const Result<bool> wanted = in_scope(scope_, [&]() -> Result<bool> {
      PUMICE_TRY(bind(statement.names, item));
      PUMICE_ASSIGN(const Value condition, evaluate(*statement.exprs[1]));
      return truth(condition);
    });
    if (!wanted) return wanted.error();
    if (*wanted) kept.items.push_back(item);
  }
  return std::make_shared<const List>(std::move(kept));
}

Result<Evaluator::Flow> Evaluator::run_iteration(const Statement& statement, Loop& loop) {
  return in_scope(scope_, [&]() -> Result<Flow> {
    PUMICE_TRY(work(4));
    PUMICE_TRY(bind(statement.names, loop.list->items[loop.index]));
    scope_->set("loop", Value(&loop));
    return run(statement.bodies[0]);
  });
}

Result<Evaluator::Flow> Evaluator::run_for(const Statement& statement) {
  PUMICE_TRY(work(8));
  PUMICE_ASSIGN(std::shared_ptr<const List> list, loop_items(statement));
  if (list->items.empty() && statement.bodies.size() > 1)
    return in_scope(scope_, [&] { return run(statement.bodies[1]); });
  loops_.push_back({.list = std::move(list), .depth = loop_depth_++});
  Loop& loop = loops_.back();
  Result<Flow> flow = Flow::kNext;
  for (loop.index = 0; loop.index < loop.list->items.size(); ++loop.index) {
    flow = run_iteration(statement, loop);
    if (!flow || *flow == Flow::kBreak) break;
  }
  --loop_depth_;
  if (!flow) return flow;
  return Flow::kNext;
}

const Macro* Evaluator::make_macro(const Statement& statement) {
  for (Scope* scope = scope_; scope; scope = scope->parent) scope->captured = true;
  macros_.push_back({&statement, scope_});
  return &macros_.back();
}

Result<void> Evaluator::run_call(const Statement& statement) {
  const Expr& expr = *statement.exprs.back();
  PUMICE_ASSIGN(const Value function, evaluate(*expr.parts[0]));
  PUMICE_ASSIGN(CallArguments arguments, evaluate_arguments(expr));
  arguments.named.emplace_back("caller", Value(make_macro(statement)));
  PUMICE_ASSIGN(const Value value, call(function, arguments));
  return write(str(value));
}

Result<void> Evaluator::bind_parameters(const Macro& macro, const CallArguments& arguments) {
  const Statement& statement = *macro.statement;
  Dict others;
  for (const Named& named : arguments.named) {
    const bool known = std::find(statement.names.begin(), statement.names.end(), named.first) != statement.names.end();
    if (known || named.first == "caller")
      scope_->set(named.first, named.second);
    else
      others.set(text_value(named.first), named.second);
  }
  for (size_t i = 0; i < statement.names.size(); ++i) {
    if (i < arguments.positional.size()) {
      scope_->set(statement.names[i], arguments.positional[i]);
    } else if (!scope_->find(statement.names[i])) {
      Value value = Undefined{std::make_shared<const std::string>(statement.names[i])};
      if (statement.exprs[i]) {
        PUMICE_ASSIGN(value, evaluate(*statement.exprs[i]));
      }
      scope_->set(statement.names[i], std::move(value));
    }
  }
  Values more;
  for (size_t i = statement.names.size(); i < arguments.positional.size(); ++i) more.push_back(arguments.positional[i]);
  PUMICE_ASSIGN(Value varargs, list_value(std::move(more), ListKind::kTuple));
  PUMICE_ASSIGN(Value kwargs, dict_value(std::move(others)));
  scope_->set("varargs", std::move(varargs));
  scope_->set("kwargs", std::move(kwargs));
  return {};
}

Result<Value> Evaluator::call_macro(const Macro& macro, const CallArguments& arguments) {
  PUMICE_TRY(work(8));
  MarkedText text;
  MarkedText* const outer = std::exchange(out_, &text);
  const Result<Flow> done = in_scope(macro.scope, [&]() -> Result<Flow> {
    PUMICE_TRY(bind_parameters(macro, arguments));
    return run(macro.statement->bodies[0]);
  });
  out_ = outer;
  if (!done) return done.error();
  return Value(std::move(text));
}

}  // namespace pumice::chat
