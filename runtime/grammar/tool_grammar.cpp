#include "grammar/tool_grammar.h"

#include <algorithm>
#include <cctype>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "grammar/characters.h"
#include "grammar/schema_compile.h"
#include "grammar/schema_expand.h"

namespace pumice::grammar {
namespace {

using chat::ArgumentType;
using chat::CallSpelling;

struct Tool {
  std::string name;
  Json parameters;  // an object's schema
};

bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '-' || c == '.' || c == '/';
  });
}

Result<Tool> tool_of(const Json& one) {
  const Json* function = one.find("function");
  if (!function) function = &one;
  const Json* name = function->find("name");
  if (!name || !name->is_string() || !is_name(name->as_string()))
    return error(Status::kInvalidArgument,
                 "tools: each needs a \"function\" with a \"name\" of letters, digits, _ and -");
  Tool tool{name->as_string(), Json::object()};
  const Json* parameters = function->find("parameters");
  if (parameters && !parameters->is_null()) tool.parameters = *parameters;
  if (!tool.parameters.is_object())
    return error(Status::kInvalidArgument, "tools: the parameters of %s are no schema", tool.name.c_str());
  if (tool.parameters.members().empty()) tool.parameters.set("additionalProperties", Json(false));
  if (!tool.parameters.find("type")) tool.parameters.set("type", Json("object"));
  return tool;
}

Result<std::deque<Tool>> tools_of(const Json& tools, const std::string& only) {
  if (!tools.is_array()) return error(Status::kInvalidArgument, "tools: they are a JSON list");
  std::deque<Tool> all;
  for (const Json& one : tools.items()) {
    PUMICE_ASSIGN(Tool tool, tool_of(one));
    if (only.empty() || tool.name == only) all.push_back(std::move(tool));
  }
  if (all.empty())
    return error(Status::kInvalidArgument, only.empty() ? "tools: there are none" : "tools: none is called %s",
                 only.c_str());
  return all;
}

class ToolCompiler {
 public:
  ToolCompiler(const CallSpelling& spelling, const Tokenizer& tokenizer)
      : spelling_(spelling),
        arena_(rules_.exprs()),
        plain_(arena_, Spelling::kPlain),
        anything_(arena_.repeat(arena_.bytes(ByteSet::all()), 0)) {
    for (int32_t id = 0; id < tokenizer.vocabulary_size(); ++id)
      if (tokenizer.is_control(id) && !tokenizer.is_end_of_generation(id))
        controls_.emplace_back(tokenizer.token_name(id));
    std::sort(controls_.begin(), controls_.end(), [](const std::string& a, const std::string& b) {
      return a.size() != b.size() ? a.size() > b.size() : a < b;
    });
  }

  Result<std::shared_ptr<const Grammar>> compile(const std::deque<Tool>& tools, const ToolGrammarOptions& options);

 private:
  ExprId literal(std::string_view text, bool or_letters = false);
  ExprId marks(std::string_view text);  // a literal with parts that differ from call to call
  ExprId free_text();
  Symbol terminal(std::string_view text) { return Symbol::terminal(marks(text)); }
  Result<void> add_call(const Tool& tool, RuleId calls);
  Result<void> add_tagged(const Tool& tool, RuleId to);
  Result<std::optional<ExprId>> raw_text(SchemaDocument& document, NodeId node);
  ExprId without(std::string_view part);

  const CallSpelling& spelling_;
  Rules rules_;
  ExprArena& arena_;
  Characters plain_;
  ExprId anything_;
  std::vector<std::string> controls_;   // the longest first
  RuleId after_ = 0, after_empty_ = 0;  // what follows a call's arguments
};

// The names of control tokens in it are those tokens; or, for readers that see no difference, their letters.
ExprId ToolCompiler::literal(std::string_view text, bool or_letters) {
  std::string bytes;
  ExprId before = kEmptyText;
  while (!text.empty()) {
    const auto name = std::find_if(controls_.begin(), controls_.end(),
                                   [&](const std::string& control) { return text.starts_with(control); });
    const std::string_view part = text.substr(0, name == controls_.end() ? 1 : name->size());
    text.remove_prefix(part.size());
    if (name == controls_.end() || !or_letters) {
      bytes += name == controls_.end() ? std::string(part) : control_text(*name);
      continue;
    }
    const ExprId either = arena_.any_of({arena_.text(control_text(*name)), arena_.text(part)});
    before = arena_.concat({before, arena_.text(bytes), either});
    bytes.clear();
  }
  return arena_.concat(before, arena_.text(bytes));
}

ExprId ToolCompiler::marks(std::string_view text) {
  const ExprId digit = arena_.bytes(ByteSet::range('0', '9'));
  if (text.starts_with(chat::kCallNumber))
    return arena_.concat({arena_.text(":"), arena_.repeat(digit, 1, 3), marks(text.substr(chat::kCallNumber.size()))});
  const size_t id = text.find(chat::kCallId);
  if (id == std::string_view::npos) return literal(text);
  ByteSet letters = ByteSet::range('0', '9');
  letters |= ByteSet::range('a', 'z');
  letters |= ByteSet::range('A', 'Z');
  const auto length = static_cast<uint32_t>(chat::kCallId.size());
  return arena_.concat({literal(text.substr(0, id)), arena_.repeat(arena_.bytes(letters), length, length),
                        marks(text.substr(id + chat::kCallId.size()))});
}

ExprId ToolCompiler::without(std::string_view part) {
  return arena_.complement(arena_.concat({anything_, literal(part, true), anything_}));
}

// Text and control tokens, such as those around reasoning, as long as no call begins.
ExprId ToolCompiler::free_text() {
  std::vector<std::string> controls;
  for (const std::string& name : controls_) controls.push_back(control_text(name));
  std::vector<ExprId> units = {plain_.any()};
  if (!controls.empty()) units.push_back(arena_.texts(std::move(controls)));
  return arena_.all_of({arena_.repeat(arena_.any_of(std::move(units)), 0), without(spelling_.trigger)});
}

// What a text between tags may be where the schema asks for texts alone; nothing where it asks for other values, too.
Result<std::optional<ExprId>> ToolCompiler::raw_text(SchemaDocument& document, NodeId node) {
  const Json* type = document.node(node).json->find("type");
  if (!type || !type->is_string() || type->as_string() != "string") return std::optional<ExprId>();
  SchemaExpander expander(document, plain_, false);
  PUMICE_ASSIGN(const Union all, expander.expand({{node, false}}));
  std::vector<ExprId> texts;
  for (const Product& product : all)
    if (product.types & kStringType) texts.push_back(expander.string_content(product.strings));
  // Readers drop a line break at either end unless the template writes some, and know one kind of verbatim text.
  const ExprId line = arena_.text("\n");
  std::vector<ExprId> conditions = {arena_.any_of(std::move(texts)), without(spelling_.value_end),
                                    arena_.complement(arena_.concat(arena_.text("<![CDATA["), anything_))};
  if (!spelling_.equals[0].ends_with('\n')) conditions.push_back(arena_.complement(arena_.concat(line, anything_)));
  if (!spelling_.next.starts_with('\n')) conditions.push_back(arena_.complement(arena_.concat(anything_, line)));
  return std::optional<ExprId>(arena_.all_of(std::move(conditions)));
}

ArgumentType type_of(const Json& schema) {
  const Json* type = schema.find("type");
  const std::string name = type && type->is_string() ? type->as_string() : "";
  if (name == "integer" || name == "number") return ArgumentType::kInteger;
  if (name == "boolean") return ArgumentType::kBoolean;
  return name == "array" ? ArgumentType::kArray : ArgumentType::kObject;
}

// Keywords that say nothing of which arguments there may be, or that are read here.
bool is_read(const std::string& keyword) {
  static constexpr std::string_view kKnown[] = {"type",    "properties",  "required", "additionalProperties",
                                                "title",   "description", "$defs",    "definitions",
                                                "$schema", "strict",      "examples", "default",
                                                "$id",     "$comment"};
  return std::find(std::begin(kKnown), std::end(kKnown), keyword) != std::end(kKnown);
}

struct Argument {
  std::string key;
  bool required = false;
  ExprId equals = kEmptyText;
  Symbol value;
};

Result<void> ToolCompiler::add_tagged(const Tool& tool, RuleId to) {
  for (const Json::Member& member : tool.parameters.members())
    if (!is_read(member.key))
      return error(Status::kUnsupported, "tool %s: /%s has no form in this template's calls", tool.name.c_str(),
                   member.key.c_str());
  const std::map<std::string, Json> remotes;
  SchemaDocument document(tool.parameters, remotes, false);
  const Json* properties = tool.parameters.find("properties");
  const Json* required = tool.parameters.find("required");
  std::vector<Argument> arguments;
  std::vector<NodeId> values;
  size_t found = 0;
  const auto needs = [&](const std::string& key) {
    const auto is_key = [&](const Json& name) { return name.is_string() && name.as_string() == key; };
    return required && required->is_array() && std::any_of(required->items().begin(), required->items().end(), is_key);
  };
  if (properties && properties->is_object()) {
    for (const Json::Member& member : properties->members()) {
      if (!is_name(member.key))
        return error(Status::kUnsupported, "tool %s: a parameter's name is more than letters, digits, _ and -",
                     tool.name.c_str());
      const NodeId node = document.child(document.root(), member.value, "properties", member.key);
      PUMICE_ASSIGN(const std::optional<ExprId> raw, raw_text(document, node));
      Argument argument{member.key, needs(member.key), kEmptyText, Symbol::terminal(raw.value_or(kNever))};
      const ArgumentType type = raw ? ArgumentType::kText : type_of(member.value);
      argument.equals = marks(spelling_.equals[static_cast<size_t>(type)]);
      if (!raw) {
        PUMICE_ASSIGN(const std::vector<Symbol> json, add_schemas(rules_, document, {node}, {.whitespace = false}));
        argument.value = json.front();
      }
      found += argument.required ? 1 : 0;
      arguments.push_back(argument);
    }
  }
  if (required && required->is_array() && found < required->items().size())
    return error(Status::kUnsupported, "tool %s: /required names what is no property", tool.name.c_str());
  // From the last argument back to the first; before any, and behind one.
  RuleId none = rules_.add_rule(), some = rules_.add_rule();
  if (spelling_.may_be_empty) rules_.add(none, {Symbol::rule(after_empty_)});
  rules_.add(some, {Symbol::rule(after_)});
  for (size_t i = arguments.size(); i-- > 0;) {
    const Argument& one = arguments[i];
    const RuleId before = rules_.add_rule(), behind = rules_.add_rule();
    if (!one.required) {
      rules_.add(before, {Symbol::rule(none)});
      rules_.add(behind, {Symbol::rule(some)});
    }
    const Symbol key = Symbol::terminal(arena_.concat(arena_.text(one.key), one.equals));
    rules_.add(before, {terminal(spelling_.first), key, one.value, Symbol::rule(some)});
    rules_.add(behind, {terminal(spelling_.next), key, one.value, Symbol::rule(some)});
    none = before, some = behind;
  }
  rules_.add(to, {Symbol::rule(none)});
  return {};
}

Result<void> ToolCompiler::add_call(const Tool& tool, RuleId calls) {
  const Symbol name = Symbol::terminal(arena_.text(tool.name));
  const auto of_tool = [&](const Error& problem) {
    return error(problem.status, "tool %s: %s", tool.name.c_str(), problem.message.c_str());
  };
  if (spelling_.tagged) {
    const RuleId arguments = rules_.add_rule();
    if (auto added = add_tagged(tool, arguments); !added) return of_tool(added.error());
    rules_.add(calls, {name, Symbol::rule(arguments)});
    return {};
  }
  const std::map<std::string, Json> remotes;
  SchemaDocument document(tool.parameters, remotes, false);
  auto value = add_schemas(rules_, document, {document.root()}, {});
  if (!value) return of_tool(value.error());
  rules_.add(calls, {name, terminal(spelling_.middle), value->front(), Symbol::rule(after_)});
  return {};
}

Result<std::shared_ptr<const Grammar>> ToolCompiler::compile(const std::deque<Tool>& tools,
                                                             const ToolGrammarOptions& options) {
  const RuleId root = rules_.add_rule(), calls = rules_.add_rule();
  after_ = rules_.add_rule();
  after_empty_ = rules_.add_rule();
  if (options.choice != ToolChoice::kNone) {
    for (const Tool& tool : tools) PUMICE_TRY(add_call(tool, calls));
    rules_.add(after_, {terminal(spelling_.tail)});
    rules_.add(after_empty_, {terminal(spelling_.empty_tail)});
    if (spelling_.several && options.several) {
      rules_.add(after_, {terminal(spelling_.between), Symbol::rule(calls)});
      if (!spelling_.empty_between.empty())
        rules_.add(after_empty_, {terminal(spelling_.empty_between), Symbol::rule(calls)});
    }
    const ExprId blanks = arena_.repeat(arena_.text("\n"), 0, 2);
    const Symbol before = Symbol::terminal(options.choice == ToolChoice::kRequired ? blanks : free_text());
    rules_.add(root, {before, terminal(spelling_.head), Symbol::rule(calls)});
  }
  if (options.choice != ToolChoice::kRequired) rules_.add(root, {Symbol::terminal(free_text())});
  const ExprId unit = plain_.one_of(CharSet{{0, 0x1F}, {'"', '"'}, {'\\', '\\'}}.complement());
  PUMICE_TRY(rules_.finish(root));
  return std::make_shared<const Grammar>(std::move(rules_), unit);
}

}  // namespace

Result<std::shared_ptr<const Grammar>> tool_grammar(const Json& tools, const chat::CallSpelling& spelling,
                                                    const Tokenizer& tokenizer, const ToolGrammarOptions& options) {
  PUMICE_ASSIGN(const std::deque<Tool> all, tools_of(tools, options.only));
  return ToolCompiler(spelling, tokenizer).compile(all, options);
}

}  // namespace pumice::grammar
