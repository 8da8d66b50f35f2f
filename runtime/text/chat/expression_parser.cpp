#include "text/chat/expression_parser.h"

#include <charconv>

namespace pumice::chat {
namespace {

// Deeper than the current value while it lives.
class Nested {
 public:
  explicit Nested(uint32_t& depth) : depth_(depth) { ++depth_; }
  ~Nested() { --depth_; }
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;

 private:
  uint32_t& depth_;
};

}  // namespace

ExprPtr ExpressionParser::node(ExprKind kind) const {
  auto made = std::make_unique<Expr>();
  made->kind = kind;
  made->line = tokens_.now().line;
  return made;
}

Result<ExprPtr> ExpressionParser::checked(ExprPtr made) const {
  for (const ExprPtr& part : made->parts)
    if (part) made->depth = std::max(made->depth, part->depth + 1);
  for (const Argument& argument : made->arguments) made->depth = std::max(made->depth, argument.value->depth + 1);
  if (made->depth > kMaxSyntaxDepth)
    return error(Status::kUnsupported, "line %u: the expression nests more than %u deep", made->line, kMaxSyntaxDepth);
  return made;
}

Result<ExprPtr> ExpressionParser::expression(bool with_condition) {
  const Nested nested(nested_);
  if (nested_ > kMaxSyntaxDepth / 2)
    return error(Status::kUnsupported, "line %u: brackets nest more than %u deep", tokens_.now().line,
                 kMaxSyntaxDepth / 2);
  return with_condition ? conditional() : any_of();
}

Result<ExprPtr> ExpressionParser::tuple(bool with_condition) {
  PUMICE_ASSIGN(ExprPtr first, expression(with_condition));
  if (!tokens_.is_operator(",")) return first;
  ExprPtr made = node(ExprKind::kTuple);
  made->parts.push_back(std::move(first));
  while (tokens_.take_operator(",")) {
    if (tokens_.is(TokenKind::kBlockEnd) || tokens_.is(TokenKind::kOutputEnd) || tokens_.is_operator(")") ||
        tokens_.is_operator("="))
      break;
    PUMICE_ASSIGN(ExprPtr part, expression(with_condition));
    made->parts.push_back(std::move(part));
  }
  return checked(std::move(made));
}

Result<ExprPtr> ExpressionParser::conditional() {
  PUMICE_ASSIGN(ExprPtr value, any_of());
  while (tokens_.is_name("if")) {
    ExprPtr made = node(ExprKind::kConditional);
    tokens_.take();
    PUMICE_ASSIGN(ExprPtr condition, any_of());
    ExprPtr otherwise;
    if (tokens_.take_name("else")) {
      PUMICE_ASSIGN(otherwise, expression());
    }
    made->parts.push_back(std::move(condition));
    made->parts.push_back(std::move(value));
    made->parts.push_back(std::move(otherwise));
    PUMICE_ASSIGN(value, checked(std::move(made)));
  }
  return value;
}

Result<ExprPtr> ExpressionParser::any_of() {
  PUMICE_ASSIGN(ExprPtr value, all_of());
  while (tokens_.is_name("or")) {
    ExprPtr made = node(ExprKind::kOr);
    tokens_.take();
    made->parts.push_back(std::move(value));
    PUMICE_ASSIGN(ExprPtr right, all_of());
    made->parts.push_back(std::move(right));
    PUMICE_ASSIGN(value, checked(std::move(made)));
  }
  return value;
}

Result<ExprPtr> ExpressionParser::all_of() {
  PUMICE_ASSIGN(ExprPtr value, negation());
  while (tokens_.is_name("and")) {
    ExprPtr made = node(ExprKind::kAnd);
    tokens_.take();
    made->parts.push_back(std::move(value));
    PUMICE_ASSIGN(ExprPtr right, negation());
    made->parts.push_back(std::move(right));
    PUMICE_ASSIGN(value, checked(std::move(made)));
  }
  return value;
}

Result<ExprPtr> ExpressionParser::negation() {
  if (!tokens_.is_name("not")) return comparison();
  ExprPtr made = node(ExprKind::kNot);
  tokens_.take();
  const Nested nested(nested_);
  if (nested_ > kMaxSyntaxDepth / 2) return tokens_.wrong("fewer 'not' expected");
  PUMICE_ASSIGN(ExprPtr value, negation());
  made->parts.push_back(std::move(value));
  return checked(std::move(made));
}

Result<ExprPtr> ExpressionParser::comparison() {
  ExprPtr made = node(ExprKind::kCompare);
  PUMICE_ASSIGN(ExprPtr first, sum());
  made->parts.push_back(std::move(first));
  while (true) {
    std::string found;
    for (const char* one : {"==", "!=", "<=", ">=", "<", ">"})
      if (found.empty() && tokens_.take_operator(one)) found = one;
    if (found.empty() && tokens_.take_name("in")) found = "in";
    if (found.empty() && tokens_.is_name("not") && tokens_.after().kind == TokenKind::kName &&
        tokens_.after().text == "in") {
      tokens_.take();
      tokens_.take();
      found = "not in";
    }
    if (found.empty()) break;
    made->operators.push_back(found);
    PUMICE_ASSIGN(ExprPtr right, sum());
    made->parts.push_back(std::move(right));
  }
  if (made->operators.empty()) return std::move(made->parts[0]);
  return checked(std::move(made));
}

Result<ExprPtr> ExpressionParser::chain(Part part, ExprKind kind, std::initializer_list<const char*> operators) {
  PUMICE_ASSIGN(ExprPtr value, (this->*part)());
  while (true) {
    ExprPtr made = node(kind);
    for (const char* one : operators)
      if (made->name.empty() && tokens_.take_operator(one)) made->name = one;
    if (made->name.empty()) return value;
    made->parts.push_back(std::move(value));
    PUMICE_ASSIGN(ExprPtr right, (this->*part)());
    made->parts.push_back(std::move(right));
    PUMICE_ASSIGN(value, checked(std::move(made)));
  }
}

Result<ExprPtr> ExpressionParser::sum() {
  return chain(&ExpressionParser::concatenation, ExprKind::kArithmetic, {"+", "-"});
}
Result<ExprPtr> ExpressionParser::concatenation() {
  return chain(&ExpressionParser::product, ExprKind::kConcat, {"~"});
}
Result<ExprPtr> ExpressionParser::product() {
  return chain(&ExpressionParser::power, ExprKind::kArithmetic, {"//", "*", "/", "%"});
}
Result<ExprPtr> ExpressionParser::power() { return chain(&ExpressionParser::unary, ExprKind::kArithmetic, {"**"}); }

Result<ExprPtr> ExpressionParser::unary() {
  PUMICE_ASSIGN(ExprPtr value, signed_value());
  return filters_and_tests(std::move(value));
}

// A sign comes before filters: -3|abs is 3.
Result<ExprPtr> ExpressionParser::signed_value() {
  const bool minus = tokens_.is_operator("-");
  if (!minus && !tokens_.is_operator("+")) {
    PUMICE_ASSIGN(ExprPtr value, primary());
    return postfix(std::move(value));
  }
  ExprPtr made = node(minus ? ExprKind::kNegative : ExprKind::kPositive);
  tokens_.take();
  const Nested nested(nested_);
  if (nested_ > kMaxSyntaxDepth / 2) return tokens_.wrong("fewer signs expected");
  PUMICE_ASSIGN(ExprPtr value, signed_value());
  made->parts.push_back(std::move(value));
  return checked(std::move(made));
}

Result<ExprPtr> ExpressionParser::number() {
  ExprPtr made = node(ExprKind::kConstant);
  const std::string& text = tokens_.now().text;
  int64_t integer = 0;
  if (tokens_.is(TokenKind::kInteger)) {
    if (std::from_chars(text.data(), text.data() + text.size(), integer).ec != std::errc())
      return tokens_.wrong("expected an integer of 64 bits");
    made->constant = integer;
  } else {
    double real = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), real).ec != std::errc())
      return tokens_.wrong("expected a number in range");
    made->constant = real;
  }
  tokens_.take();
  return made;
}

Result<ExprPtr> ExpressionParser::constant_or_name() {
  ExprPtr made = node(ExprKind::kConstant);
  const std::string name = tokens_.take().text;
  if (name == "true" || name == "True") {
    made->constant = true;
  } else if (name == "false" || name == "False") {
    made->constant = false;
  } else if (name == "none" || name == "None") {
    made->constant = None{};
  } else {
    made->kind = ExprKind::kName;
    made->name = name;
  }
  return made;
}

Result<ExprPtr> ExpressionParser::bracketed(const char* close, ExprKind kind) {
  ExprPtr made = node(kind);
  while (!tokens_.take_operator(close)) {
    PUMICE_ASSIGN(ExprPtr part, expression());
    made->parts.push_back(std::move(part));
    if (tokens_.take_operator(",")) continue;
    PUMICE_TRY(tokens_.need_operator(close));
    const bool grouping = kind == ExprKind::kTuple && made->parts.size() == 1;
    if (grouping) return std::move(made->parts[0]);
    break;
  }
  return checked(std::move(made));
}

Result<ExprPtr> ExpressionParser::dict() {
  ExprPtr made = node(ExprKind::kDict);
  while (!tokens_.take_operator("}")) {
    PUMICE_ASSIGN(ExprPtr key, expression());
    PUMICE_TRY(tokens_.need_operator(":"));
    PUMICE_ASSIGN(ExprPtr value, expression());
    made->parts.push_back(std::move(key));
    made->parts.push_back(std::move(value));
    if (tokens_.take_operator(",")) continue;
    PUMICE_TRY(tokens_.need_operator("}"));
    break;
  }
  return checked(std::move(made));
}

Result<ExprPtr> ExpressionParser::primary() {
  if (tokens_.is(TokenKind::kString)) {
    ExprPtr made = node(ExprKind::kConstant);
    std::string text;
    while (tokens_.is(TokenKind::kString)) text += tokens_.take().text;
    made->constant = text_value(std::move(text));
    return made;
  }
  if (tokens_.is(TokenKind::kInteger) || tokens_.is(TokenKind::kFloat)) return number();
  if (tokens_.is(TokenKind::kName)) return constant_or_name();
  if (tokens_.take_operator("(")) return bracketed(")", ExprKind::kTuple);
  if (tokens_.take_operator("[")) return bracketed("]", ExprKind::kList);
  if (tokens_.take_operator("{")) return dict();
  return tokens_.wrong("expected an expression");
}

Result<ExprPtr> ExpressionParser::subscript(ExprPtr to) {
  ExprPtr made = node(ExprKind::kItem);
  made->parts.push_back(std::move(to));
  ExprPtr part;
  bool slice = false;
  while (!tokens_.take_operator("]")) {
    if (tokens_.take_operator(":")) {
      slice = true;
      made->parts.push_back(std::move(part));
      continue;
    }
    if (part) return tokens_.wrong("expected ']'");
    PUMICE_ASSIGN(part, expression());
  }
  if (!slice && !part) return tokens_.wrong("expected a subscript before this");
  made->parts.push_back(std::move(part));
  if (made->parts.size() > 4) return tokens_.wrong("expected at most two ':' before this");
  if (slice) {
    made->kind = ExprKind::kSlice;
    made->parts.resize(4);
  }
  return checked(std::move(made));
}

Result<std::vector<Argument>> ExpressionParser::arguments() {
  std::vector<Argument> list;
  while (!tokens_.take_operator(")")) {
    Argument one;
    if (tokens_.take_operator("*")) {
      one.name = "*";
    } else if (tokens_.take_operator("**")) {
      one.name = "**";
    } else if (tokens_.is(TokenKind::kName) && tokens_.after().kind == TokenKind::kOperator &&
               tokens_.after().text == "=") {
      one.name = tokens_.take().text;
      tokens_.take();
    }
    PUMICE_ASSIGN(one.value, expression());
    list.push_back(std::move(one));
    if (tokens_.take_operator(",")) continue;
    PUMICE_TRY(tokens_.need_operator(")"));
    break;
  }
  return list;
}

Result<ExprPtr> ExpressionParser::postfix(ExprPtr to) {
  while (true) {
    if (tokens_.take_operator(".")) {
      if (tokens_.is(TokenKind::kInteger)) {
        ExprPtr made = node(ExprKind::kItem);
        made->parts.push_back(std::move(to));
        PUMICE_ASSIGN(ExprPtr index, number());
        made->parts.push_back(std::move(index));
        PUMICE_ASSIGN(to, checked(std::move(made)));
        continue;
      }
      ExprPtr made = node(ExprKind::kAttribute);
      PUMICE_ASSIGN(made->name, tokens_.need_name("a name after '.'"));
      made->parts.push_back(std::move(to));
      PUMICE_ASSIGN(to, checked(std::move(made)));
    } else if (tokens_.take_operator("[")) {
      PUMICE_ASSIGN(to, subscript(std::move(to)));
    } else if (tokens_.is_operator("(")) {
      ExprPtr made = node(ExprKind::kCall);
      tokens_.take();
      PUMICE_ASSIGN(made->arguments, arguments());
      made->parts.push_back(std::move(to));
      PUMICE_ASSIGN(to, checked(std::move(made)));
    } else {
      return to;
    }
  }
}

Result<ExprPtr> ExpressionParser::filters(ExprPtr to) {
  do {
    ExprPtr made = node(ExprKind::kFilter);
    PUMICE_ASSIGN(made->name, tokens_.need_name("a filter's name"));
    if (tokens_.take_operator("(")) {
      PUMICE_ASSIGN(made->arguments, arguments());
    }
    made->parts.push_back(std::move(to));
    PUMICE_ASSIGN(to, checked(std::move(made)));
  } while (tokens_.take_operator("|"));
  return to;
}

Result<ExprPtr> ExpressionParser::test(ExprPtr to) {
  ExprPtr made = node(ExprKind::kTest);
  const bool negated = tokens_.take_name("not");
  PUMICE_ASSIGN(made->name, tokens_.need_name("a test's name"));
  made->parts.push_back(std::move(to));
  static constexpr std::string_view kWords[] = {"else", "or", "and", "if", "in", "not", "is", "recursive"};
  const bool word = tokens_.is(TokenKind::kName) &&
                    std::find(std::begin(kWords), std::end(kWords), tokens_.now().text) != std::end(kWords);
  if (tokens_.take_operator("(")) {
    PUMICE_ASSIGN(made->arguments, arguments());
  } else if ((tokens_.is(TokenKind::kName) && !word) || tokens_.is(TokenKind::kString) ||
             tokens_.is(TokenKind::kInteger) || tokens_.is(TokenKind::kFloat) || tokens_.is_operator("[") ||
             tokens_.is_operator("{")) {
    const Nested nested(nested_);
    if (nested_ > kMaxSyntaxDepth / 2) return tokens_.wrong("fewer brackets expected");
    PUMICE_ASSIGN(ExprPtr value, primary());
    PUMICE_ASSIGN(value, postfix(std::move(value)));
    made->arguments.push_back({"", std::move(value)});
  }
  PUMICE_ASSIGN(made, checked(std::move(made)));
  if (!negated) return made;
  ExprPtr inverse = node(ExprKind::kNot);
  inverse->line = made->line;
  inverse->parts.push_back(std::move(made));
  return checked(std::move(inverse));
}

Result<ExprPtr> ExpressionParser::filters_and_tests(ExprPtr to) {
  while (true) {
    if (tokens_.take_operator("|")) {
      PUMICE_ASSIGN(to, filters(std::move(to)));
    } else if (tokens_.take_name("is")) {
      PUMICE_ASSIGN(to, test(std::move(to)));
    } else if (tokens_.is_operator("(")) {
      PUMICE_ASSIGN(to, postfix(std::move(to)));
    } else {
      return to;
    }
  }
}

}  // namespace pumice::chat
