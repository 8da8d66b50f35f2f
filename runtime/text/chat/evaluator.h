// Evaluator: runs a parsed chat template.
//
// Everything that it does counts as steps, so that no template takes longer or more memory than RenderLimits allow.
// Ownership: refers to the template; owns the namespaces, loops, macros and kept scopes that values refer to, so no
// value may outlive it. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/chat/syntax.h"
#include "text/chat/value.h"

namespace pumice::chat {

struct RenderLimits {
  uint64_t steps = 10'000'000;  // an expression, a statement, 16 bytes of a new string
  uint32_t depth = 200;         // expressions and statements in each other, macros that call macros included
  size_t output = size_t{16} << 20;
};

using Named = std::pair<std::string, Value>;

struct Scope {
  Scope* parent = nullptr;
  std::vector<Named> names;
  bool captured = false;  // a macro was defined in it or below

  Value* find(std::string_view name);  // in this scope alone
  void set(const std::string& name, Value value);
};

struct Namespace {
  std::vector<Named> names;
};

struct Macro {
  const Statement* statement;
  Scope* scope;
};

struct Loop {
  std::shared_ptr<const List> list;
  size_t index = 0;
  uint32_t depth = 0;
  Value changed = {};
};

// What a function, filter, test or method is called with.
struct CallArguments {
  Values positional;
  std::vector<Named> named;

  // The argument at this place or of this name; null where it is not given.
  const Value* get(size_t place, std::string_view name) const;
};

class Evaluator {
 public:
  // now: seconds since 1970 of the clock that strftime_now() shows.
  Evaluator(const RenderLimits& limits, int64_t now) : limits_(limits), now_(now) {}
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;

  void set(const std::string& name, Value value) { global_.set(name, std::move(value)); }
  // Errors name the line; the message of raise_exception() comes as it is.
  Result<MarkedText> render(const Body& body);
  bool raised() const { return raised_; }  // the error is the template's own word

  // For filters, tests, methods and functions.
  Result<void> work(uint64_t steps);
  Result<Value> call(const Value& function, const CallArguments& arguments);
  Result<Value> filter(const std::string& name, const Value& input, const CallArguments& arguments);
  Result<bool> test(const std::string& name, const Value& input, const CallArguments& arguments);
  Result<Value> attribute(const Value& of, const std::string& name);
  Result<Value> item(const Value& of, const Value& key);
  Result<Value> operate(const std::string& sign, const Value& a, const Value& b);
  Result<bool> compare(const std::string& sign, const Value& a, const Value& b);
  Result<std::shared_ptr<const List>> iterated(const Value& value);
  Namespace* make_namespace();
  Error raise(std::string message);
  int64_t now() const { return now_; }

 private:
  enum class Flow { kNext, kBreak, kContinue };

  Result<Value> evaluate(const Expr& expr);
  Result<Value> evaluate_kind(const Expr& expr);
  Result<Value> evaluate_collection(const Expr& expr);
  Result<Value> evaluate_slice(const Expr& expr);
  Result<Value> evaluate_comparison(const Expr& expr);
  Result<Value> evaluate_call(const Expr& expr);
  Result<Value> evaluate_logic(const Expr& expr);
  Result<Value> evaluate_sign(const Expr& expr);
  Result<CallArguments> evaluate_arguments(const Expr& expr);
  Result<Value> look_up(const std::string& name);
  Result<Value> loop_attribute(Loop& loop, const std::string& name);

  Result<Flow> run(const Body& body);
  Result<Flow> run_one(const Statement& statement);
  Result<Flow> run_for(const Statement& statement);
  Result<Flow> run_if(const Statement& statement);
  Result<Flow> run_with(const Statement& statement);
  Result<void> run_set(const Statement& statement);
  Result<void> run_call(const Statement& statement);
  Result<Flow> run_iteration(const Statement& statement, Loop& loop);
  Result<std::shared_ptr<const List>> loop_items(const Statement& statement);
  Result<void> bind(const std::vector<std::string>& names, const Value& value);
  Result<MarkedText> captured(const Body& body);
  Result<Value> filtered(const Expr* chain, Value value);
  Result<Value> call_macro(const Macro& macro, const CallArguments& arguments);
  Result<void> bind_parameters(const Macro& macro, const CallArguments& arguments);
  Result<void> write(const MarkedText& text);
  Result<void> enter(uint32_t line);
  const Macro* make_macro(const Statement& statement);

  // Runs body() in a scope below `parent`.
  template <typename Do>
  auto in_scope(Scope* parent, Do&& body) {
    auto scope = std::make_unique<Scope>();
    scope->parent = parent;
    Scope* const outer = std::exchange(scope_, scope.get());
    auto result = body();
    scope_ = outer;
    if (scope->captured) kept_.push_back(std::move(scope));
    return result;
  }

  const RenderLimits limits_;
  const int64_t now_;
  uint64_t steps_ = 0;
  uint32_t depth_ = 0, error_line_ = 0, loop_depth_ = 0;
  bool raised_ = false;
  MarkedText* out_ = nullptr;
  Scope global_;
  Scope* scope_ = &global_;
  std::vector<std::unique_ptr<Scope>> kept_;
  std::deque<Namespace> namespaces_;
  std::deque<Macro> macros_;
  std::deque<Loop> loops_;
};

// Functions by name. The result is undefined where the name is unknown.
bool is_global_function(std::string_view name);
Result<Value> call_global(Evaluator& evaluator, const std::string& name, const CallArguments& arguments);
bool is_method(const Value& of, std::string_view name);
Result<Value> call_method(Evaluator& evaluator, const Value& self, const std::string& name,
                          const CallArguments& arguments);

}  // namespace pumice::chat
