// A parsed chat template. Ownership: statements own what is in them. Thread rule: immutable after parsing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "text/chat/value.h"

namespace pumice::chat {

enum class ExprKind : uint8_t {
  kConstant,
  kName,
  kList,
  kTuple,
  kDict,       // parts: key, value, key, value, …
  kAttribute,  // parts[0].name
  kItem,       // parts[0][parts[1]]
  kSlice,      // parts[0][parts[1]:parts[2]:parts[3]], absent parts null
  kCall,       // parts[0](arguments)
  kFilter,     // parts[0]|name(arguments)
  kTest,       // parts[0] is name(arguments)
  kNot,
  kAnd,
  kOr,
  kNegative,
  kPositive,
  kArithmetic,   // parts[0] name parts[1]
  kConcat,       // parts joined by ~
  kCompare,      // parts[0] operators[0] parts[1] operators[1] …
  kConditional,  // parts[1] if parts[0] else parts[2], which may be null
};

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

struct Argument {
  std::string name;  // empty: positional; "*": a list of positional ones; "**": a dict of named ones
  ExprPtr value;
};

struct Expr {
  ExprKind kind = ExprKind::kConstant;
  uint32_t line = 1, depth = 1;
  std::string name;
  Value constant;
  std::vector<ExprPtr> parts;
  std::vector<Argument> arguments;
  std::vector<std::string> operators;
};

struct Statement;
using Body = std::vector<Statement>;

enum class StatementKind : uint8_t {
  kText,
  kOutput,    // exprs[0]
  kFor,       // names in exprs[0] if exprs[1] (may be null): bodies[0], else bodies[1]
  kIf,        // exprs[i]: bodies[i]; one body more: else
  kSet,       // names = exprs[0]; with `attribute`: names[0].attribute
  kSetBlock,  // names[0] = bodies[0] through `filters`
  kMacro,     // name, names with defaults in exprs (null: none), bodies[0]
  kCall,      // exprs[0] a call, with bodies[0] as caller(names)
  kFilter,    // bodies[0] through `filters`
  kWith,      // names[i] = exprs[i] in bodies[0]
  kBlock,     // bodies[0] in a scope of its own
  kBreak,
  kContinue,
};

struct Statement {
  StatementKind kind = StatementKind::kText;
  uint32_t line = 1;
  std::string text;  // template text; the name of a macro
  std::string attribute;
  std::vector<std::string> names;
  std::vector<ExprPtr> exprs;
  std::vector<Body> bodies;
  ExprPtr filters;  // a chain of filters whose innermost part is null
};

}  // namespace pumice::chat
