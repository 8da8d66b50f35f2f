// The half of the parser that reads expressions. Thread rule: one thread at a time.
#pragma once

#include "text/chat/syntax.h"
#include "text/chat/token_stream.h"

namespace pumice::chat {

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& tokens) : tokens_(tokens) {}

  // with_condition: "a if b" is one expression; not so in the list of a for.
  Result<ExprPtr> expression(bool with_condition = true);
  // Expressions with commas between them are a tuple.
  Result<ExprPtr> tuple(bool with_condition = true);
  // name(arguments)|name…, applied to `to`, which may be null.
  Result<ExprPtr> filters(ExprPtr to);
  // ( … ), after the opening parenthesis.
  Result<std::vector<Argument>> arguments();

 private:
  using Part = Result<ExprPtr> (ExpressionParser::*)();
  Result<ExprPtr> conditional();
  Result<ExprPtr> any_of();
  Result<ExprPtr> all_of();
  Result<ExprPtr> negation();
  Result<ExprPtr> comparison();
  Result<ExprPtr> sum();
  Result<ExprPtr> concatenation();
  Result<ExprPtr> product();
  Result<ExprPtr> power();
  Result<ExprPtr> unary();
  Result<ExprPtr> signed_value();
  Result<ExprPtr> primary();
  Result<ExprPtr> constant_or_name();
  Result<ExprPtr> number();
  Result<ExprPtr> bracketed(const char* close, ExprKind kind);
  Result<ExprPtr> dict();
  Result<ExprPtr> postfix(ExprPtr to);
  Result<ExprPtr> subscript(ExprPtr to);
  Result<ExprPtr> filters_and_tests(ExprPtr to);
  Result<ExprPtr> test(ExprPtr to);
  Result<ExprPtr> chain(Part part, ExprKind kind, std::initializer_list<const char*> operators);
  // The node with its depth, or an error where it is too deep.
  Result<ExprPtr> checked(ExprPtr node) const;
  ExprPtr node(ExprKind kind) const;

  TokenStream& tokens_;
  uint32_t nested_ = 0;
};

}  // namespace pumice::chat
