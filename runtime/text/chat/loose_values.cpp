#include "text/chat/loose_values.h"

#include "text/chat/expression_parser.h"
#include "text/chat/json.h"
#include "text/chat/python.h"

namespace pumice::chat {
namespace {

const Value* member(const Value& of, std::string_view key) {
  const Dict* dict = of.dict();
  return dict ? dict->find(key) : nullptr;
}

}  // namespace

bool is_blank_at(std::string_view text, size_t at) {
  return at < text.size() && (text[at] == ' ' || (text[at] >= '\t' && text[at] <= '\r'));
}

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && is_blank_at(text, 0)) text.remove_prefix(1);
  while (!text.empty() && is_blank_at(text, text.size() - 1)) text.remove_suffix(1);
  return text;
}

Value made_dict(Dict dict) { return Value(std::make_shared<const Dict>(std::move(dict))); }
Value made_list(Values items) {
  Result<Value> list = list_value(std::move(items));
  return list ? std::move(*list) : Value(None{});
}

void unwrap(Value* arguments) {
  const MarkedText* text = arguments->text();
  if (!text) return;
  Result<Value> parsed = parse_json(text->view(), false);
  if (parsed) *arguments = std::move(*parsed);
}

std::string type_of(const Value& tools, const std::string& function, const std::string& key) {
  for (const Value& tool : tools.items() ? *tools.items() : Values()) {
    const Value* held = member(tool, "function");
    const Value& inner = held ? *held : tool;
    const Value* name = member(inner, "name");
    if (!name || str(*name).bytes() != function) continue;
    const Value* parameters = member(inner, "parameters");
    const Value* properties = parameters ? member(*parameters, "properties") : nullptr;
    const Value* property = properties ? member(*properties, key) : nullptr;
    const Value* type = property ? member(*property, "type") : nullptr;
    return type && type->text() ? type->text()->bytes() : "";
  }
  return "";
}

Result<Value> literal(const Expr& expr) {
  if (expr.kind == ExprKind::kConstant) return expr.constant;
  if (expr.kind == ExprKind::kName && expr.name == "null") return Value(None{});
  Values parts;
  for (const ExprPtr& part : expr.parts) {
    if (!part) return error(Status::kMalformed, "no literal");
    PUMICE_ASSIGN(Value value, literal(*part));
    parts.push_back(std::move(value));
  }
  if (expr.kind == ExprKind::kList || expr.kind == ExprKind::kTuple) return list_value(std::move(parts));
  if (expr.kind == ExprKind::kDict) {
    Dict dict;
    for (size_t i = 0; i + 1 < parts.size(); i += 2) dict.set(parts[i], parts[i + 1]);
    return dict_value(std::move(dict));
  }
  if (expr.kind == ExprKind::kNegative && parts[0].get<double>()) return Value(-*parts[0].get<double>());
  if (expr.kind == ExprKind::kNegative && parts[0].get<int64_t>()) return Value(-*parts[0].get<int64_t>());
  return error(Status::kMalformed, "no literal");
}

Result<ExprPtr> parse_python(std::string_view text) {
  PUMICE_ASSIGN(std::vector<Token> tokens, tokenize_template("{{" + std::string(text) + "}}"));
  TokenStream stream(std::move(tokens));
  stream.take();
  PUMICE_ASSIGN(ExprPtr expr, ExpressionParser(stream).expression());
  if (!stream.is(TokenKind::kOutputEnd)) return stream.wrong("expected the end");
  return expr;
}

void name_and_id(std::string_view header, std::string* name, std::string* id) {
  header = without_blanks(header);
  if (const size_t at = header.find("<|tool_call:name|>"); at != std::string_view::npos) {
    *id = without_blanks(header.substr(0, at));
    header = header.substr(at + std::string_view("<|tool_call:name|>").size());
  }
  if (const size_t at = header.find("[CALL_ID]"); at != std::string_view::npos) {
    *id = without_blanks(header.substr(at + std::string_view("[CALL_ID]").size()));
    header = header.substr(0, at);
  }
  header = header.substr(0, header.find_first_of(" <"));
  if (header.starts_with("functions.")) {
    *id = header;
    header.remove_prefix(std::string_view("functions.").size());
    header = header.substr(0, header.rfind(':'));
  }
  *name = without_blanks(header);
}

Value typed_value(std::string_view text, const Value& tools, const std::string& function, const std::string& key) {
  if (type_of(tools, function, key) == "string") return text_value(std::string(text));
  const std::string_view body = without_blanks(text);
  if (Result<Value> json = parse_json(body, false)) return std::move(*json);
  if (body == "None") return Value(None{});
  if (body == "True" || body == "False") return Value(body == "True");
  if (body.starts_with("[") || body.starts_with("{") || body.starts_with("(")) {
    const Result<ExprPtr> parsed = parse_python(body);
    if (parsed)
      if (Result<Value> value = literal(**parsed)) return std::move(*value);
  }
  return text_value(std::string(text));
}

}  // namespace pumice::chat
