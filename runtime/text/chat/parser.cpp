#include "text/chat/parser.h"

#include "text/chat/expression_parser.h"

namespace pumice::chat {
namespace {

class StatementParser {
 public:
  explicit StatementParser(std::vector<Token> tokens) : tokens_(std::move(tokens)), expressions_(tokens_) {}

  Result<Body> whole() {
    PUMICE_ASSIGN(Body body, statements({}));
    return body;
  }

 private:
  using Ends = std::initializer_list<const char*>;

  // Up to {% and one of the names, which is left to be taken; with none: to the end.
  Result<Body> statements(Ends ends) {
    Body body;
    if (++nested_ > kMaxSyntaxDepth / 2)
      return error(Status::kUnsupported, "line %u: statements nest more than %u deep", tokens_.now().line,
                   kMaxSyntaxDepth / 2);
    while (!tokens_.is(TokenKind::kEnd)) {
      if (tokens_.is(TokenKind::kText)) {
        body.push_back(make(StatementKind::kText));
        body.back().text = tokens_.take().text;
      } else if (tokens_.is(TokenKind::kOutputBegin)) {
        tokens_.take();
        body.push_back(make(StatementKind::kOutput));
        PUMICE_ASSIGN(ExprPtr value, expressions_.tuple());
        body.back().exprs.push_back(std::move(value));
        if (!tokens_.is(TokenKind::kOutputEnd)) return tokens_.wrong("expected '}}'");
        tokens_.take();
      } else {
        tokens_.take();
        if (std::any_of(ends.begin(), ends.end(), [&](const char* end) { return tokens_.is_name(end); })) {
          --nested_;
          return body;
        }
        PUMICE_ASSIGN(Statement made, statement());
        body.push_back(std::move(made));
      }
    }
    if (ends.size() > 0) return tokens_.wrong(std::string("expected {% ") + *(ends.end() - 1) + " %}");
    --nested_;
    return body;
  }

  Statement make(StatementKind kind) const {
    Statement made;
    made.kind = kind;
    made.line = tokens_.now().line;
    return made;
  }

  Result<void> end_tag() {
    if (!tokens_.is(TokenKind::kBlockEnd)) return tokens_.wrong("expected '%}'");
    tokens_.take();
    return {};
  }

  // A body and the tag that ends it.
  Result<Body> body_to(const char* end) {
    PUMICE_TRY(end_tag());
    PUMICE_ASSIGN(Body body, statements({end}));
    tokens_.take();
    PUMICE_TRY(end_tag());
    return body;
  }

  Result<Statement> statement() {
    static constexpr struct {
      const char* name;
      Result<Statement> (StatementParser::*parse)();
    } kStatements[] = {
        {"for", &StatementParser::for_loop},    {"if", &StatementParser::if_else},
        {"set", &StatementParser::set},         {"macro", &StatementParser::macro},
        {"call", &StatementParser::call},       {"filter", &StatementParser::filter},
        {"with", &StatementParser::with},       {"generation", &StatementParser::generation},
        {"break", &StatementParser::break_out}, {"continue", &StatementParser::go_on},
    };
    for (const auto& [name, parse] : kStatements)
      if (tokens_.is_name(name)) return (this->*parse)();
    if (!tokens_.is(TokenKind::kName)) return tokens_.wrong("expected a statement");
    return error(Status::kUnsupported, "line %u: the statement {%% %s %%} is not supported here", tokens_.now().line,
                 printable(tokens_.now().text.substr(0, 40)).c_str());
  }

  Result<Statement> break_out() { return jump(StatementKind::kBreak, "break"); }
  Result<Statement> go_on() { return jump(StatementKind::kContinue, "continue"); }
  Result<Statement> jump(StatementKind kind, const char* name) {
    Statement made = make(kind);
    tokens_.take();
    if (loops_ == 0) return error(Status::kMalformed, "line %u: {%% %s %%} outside of a loop", made.line, name);
    PUMICE_TRY(end_tag());
    return made;
  }

  // a, b, c with or without parentheses.
  Result<std::vector<std::string>> targets() {
    std::vector<std::string> names;
    const bool bracket = tokens_.take_operator("(");
    do {
      if (!names.empty() && !tokens_.is(TokenKind::kName)) break;
      PUMICE_ASSIGN(std::string name, tokens_.need_name("a variable's name"));
      names.push_back(std::move(name));
    } while (tokens_.take_operator(","));
    if (bracket) PUMICE_TRY(tokens_.need_operator(")"));
    return names;
  }

  Result<Statement> for_loop() {
    Statement made = make(StatementKind::kFor);
    tokens_.take();
    PUMICE_ASSIGN(made.names, targets());
    if (!tokens_.take_name("in")) return tokens_.wrong("expected 'in'");
    PUMICE_ASSIGN(ExprPtr items, expressions_.tuple(false));
    ExprPtr condition;
    if (tokens_.take_name("if")) {
      PUMICE_ASSIGN(condition, expressions_.expression());
    }
    if (tokens_.is_name("recursive"))
      return error(Status::kUnsupported, "line %u: {%% for … recursive %%} is not supported", made.line);
    made.exprs.push_back(std::move(items));
    made.exprs.push_back(std::move(condition));
    PUMICE_TRY(end_tag());
    ++loops_;
    PUMICE_ASSIGN(Body body, statements({"else", "endfor"}));
    --loops_;
    made.bodies.push_back(std::move(body));
    if (tokens_.take_name("else")) {
      PUMICE_ASSIGN(Body otherwise, body_to("endfor"));
      made.bodies.push_back(std::move(otherwise));
      return made;
    }
    tokens_.take();
    PUMICE_TRY(end_tag());
    return made;
  }

  Result<Statement> if_else() {
    Statement made = make(StatementKind::kIf);
    while (tokens_.is_name("if") || tokens_.is_name("elif")) {
      tokens_.take();
      PUMICE_ASSIGN(ExprPtr condition, expressions_.tuple());
      made.exprs.push_back(std::move(condition));
      PUMICE_TRY(end_tag());
      PUMICE_ASSIGN(Body body, statements({"elif", "else", "endif"}));
      made.bodies.push_back(std::move(body));
    }
    if (tokens_.take_name("else")) {
      PUMICE_ASSIGN(Body otherwise, body_to("endif"));
      made.bodies.push_back(std::move(otherwise));
      return made;
    }
    tokens_.take();
    PUMICE_TRY(end_tag());
    return made;
  }

  Result<Statement> set() {
    Statement made = make(StatementKind::kSet);
    tokens_.take();
    PUMICE_ASSIGN(made.names, targets());
    if (tokens_.take_operator(".")) {
      PUMICE_ASSIGN(made.attribute, tokens_.need_name("an attribute's name"));
    }
    if (tokens_.take_operator("=")) {
      PUMICE_ASSIGN(ExprPtr value, expressions_.tuple());
      made.exprs.push_back(std::move(value));
      PUMICE_TRY(end_tag());
      return made;
    }
    made.kind = StatementKind::kSetBlock;
    if (tokens_.take_operator("|")) {
      PUMICE_ASSIGN(made.filters, expressions_.filters(nullptr));
    }
    PUMICE_ASSIGN(Body body, body_to("endset"));
    made.bodies.push_back(std::move(body));
    return made;
  }

  // ( name, name=default, … )
  Result<void> parameters(Statement& to) {
    PUMICE_TRY(tokens_.need_operator("("));
    while (!tokens_.take_operator(")")) {
      PUMICE_ASSIGN(std::string name, tokens_.need_name("a parameter's name"));
      to.names.push_back(std::move(name));
      to.exprs.emplace_back();
      if (tokens_.take_operator("=")) {
        PUMICE_ASSIGN(to.exprs.back(), expressions_.expression());
      }
      if (tokens_.take_operator(",")) continue;
      PUMICE_TRY(tokens_.need_operator(")"));
      break;
    }
    return {};
  }

  Result<Body> macro_body(const char* end) {
    const uint32_t outer = std::exchange(loops_, 0);
    PUMICE_ASSIGN(Body body, body_to(end));
    loops_ = outer;
    return body;
  }

  Result<Statement> macro() {
    Statement made = make(StatementKind::kMacro);
    tokens_.take();
    PUMICE_ASSIGN(made.text, tokens_.need_name("a macro's name"));
    PUMICE_TRY(parameters(made));
    PUMICE_ASSIGN(Body body, macro_body("endmacro"));
    made.bodies.push_back(std::move(body));
    return made;
  }

  Result<Statement> call() {
    Statement made = make(StatementKind::kCall);
    tokens_.take();
    made.text = "caller";
    if (tokens_.is_operator("(")) PUMICE_TRY(parameters(made));
    PUMICE_ASSIGN(ExprPtr called, expressions_.expression());
    if (called->kind != ExprKind::kCall) return tokens_.wrong("expected a call before this");
    made.exprs.push_back(std::move(called));
    PUMICE_ASSIGN(Body body, macro_body("endcall"));
    made.bodies.push_back(std::move(body));
    return made;
  }

  Result<Statement> filter() {
    Statement made = make(StatementKind::kFilter);
    tokens_.take();
    PUMICE_ASSIGN(made.filters, expressions_.filters(nullptr));
    PUMICE_ASSIGN(Body body, body_to("endfilter"));
    made.bodies.push_back(std::move(body));
    return made;
  }

  Result<Statement> with() {
    Statement made = make(StatementKind::kWith);
    tokens_.take();
    while (tokens_.is(TokenKind::kName)) {
      made.names.push_back(tokens_.take().text);
      PUMICE_TRY(tokens_.need_operator("="));
      PUMICE_ASSIGN(ExprPtr value, expressions_.expression());
      made.exprs.push_back(std::move(value));
      if (!tokens_.take_operator(",")) break;
    }
    PUMICE_ASSIGN(Body body, body_to("endwith"));
    made.bodies.push_back(std::move(body));
    return made;
  }

  Result<Statement> generation() {
    Statement made = make(StatementKind::kBlock);
    tokens_.take();
    PUMICE_ASSIGN(Body body, body_to("endgeneration"));
    made.bodies.push_back(std::move(body));
    return made;
  }

  TokenStream tokens_;
  ExpressionParser expressions_;
  uint32_t nested_ = 0, loops_ = 0;
};

}  // namespace

Result<Body> parse_template(std::string_view source) {
  if (source.size() > kMaxSourceBytes)
    return error(Status::kUnsupported, "the template has %zu bytes, more than %zu", source.size(), kMaxSourceBytes);
  PUMICE_ASSIGN(std::vector<Token> tokens, tokenize_template(normalised(source)));
  return StatementParser(std::move(tokens)).whole();
}

}  // namespace pumice::chat
