// GBNF, the grammar notation of llama.cpp: name ::= alternatives of rows of "text", [classes], ., names and groups with
// *, +, ?, {m}, {m,}, {m,n}; # begins a comment; the rule root is the whole text.
#include <map>
#include <optional>

#include "base/printable.h"
#include "grammar/grammar.h"
#include "grammar/pattern_class.h"

namespace pumice::grammar {
namespace {

constexpr int kMaxGbnfDepth = 200;
constexpr int kMaxQuantifiers = 20;

struct GbnfNode {
  enum class Kind : uint8_t { kExpr, kName, kRow, kEither, kRepeat } kind = Kind::kRow;
  uint32_t id = 0;  // expression or name
  std::vector<uint32_t> inside;
  uint32_t min = 0, max = 0;
};

class GbnfParser {
 public:
  explicit GbnfParser(std::string_view source)
      : cursor_(source), characters_(rules_.exprs(), Spelling::kPlain), arena_(rules_.exprs()) {}

  Result<std::shared_ptr<const Grammar>> compile() {
    skip(true);
    while (!cursor_.done()) PUMICE_TRY(rule());
    for (uint32_t name = 0; name < defined_.size(); ++name)
      if (!defined_[name])
        return error(Status::kMalformed, "grammar: the rule '%s' is not defined", printable(names_[name]).c_str());
    const auto root = name_of_.find("root");
    if (root == name_of_.end()) return error(Status::kMalformed, "grammar: there is no rule named root");
    find_regular();
    for (uint32_t name = 0; name < defined_.size(); ++name) rule_of_.push_back(rules_.add_rule());
    for (uint32_t name = 0; name < defined_.size(); ++name) define(rule_of_[name], *defined_[name]);
    const ExprId unit = characters_.one_of(CharSet{{0, 0x1F}, {'"', '"'}, {'\\', '\\'}}.complement());
    auto finished = rules_.finish(rule_of_[root->second]);
    if (!finished) return error(finished.error().status, "grammar: %s", finished.error().message.c_str());
    return std::make_shared<const Grammar>(std::move(rules_), unit);
  }

 private:
  Error wrong(const char* what) const {
    const std::string_view before = cursor_.text().substr(0, cursor_.at());
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const size_t newline = before.rfind('\n');
    const size_t column = newline == std::string_view::npos ? before.size() + 1 : before.size() - newline;
    return error(Status::kMalformed, "grammar, line %td, column %zu: %s", line, column, what);
  }

  void skip(bool lines) {
    while (!cursor_.done()) {
      const char c = cursor_.peek();
      if (c == '#') {
        while (!cursor_.done() && cursor_.peek() != '\n') cursor_.take_character();
      } else if (c == ' ' || c == '\t' || (lines && (c == '\n' || c == '\r'))) {
        cursor_.take_character();
      } else {
        return;
      }
    }
  }

  std::string take_name() {
    std::string name;
    const auto is_name = [](char c) {
      const char lower = static_cast<char>(c | 0x20);
      return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    };
    while (is_name(cursor_.peek())) name += static_cast<char>(cursor_.take_character());
    return name;
  }

  uint32_t name_id(const std::string& name) {
    const auto [place, is_new] = name_of_.try_emplace(name, static_cast<uint32_t>(names_.size()));
    if (is_new) {
      names_.push_back(name);
      defined_.emplace_back();
    }
    return place->second;
  }

  Result<void> rule() {
    const std::string name = take_name();
    if (name.empty()) return wrong("the name of a rule is expected");
    skip(false);
    if (!cursor_.take("::=")) return wrong("::= is expected");
    skip(true);
    const uint32_t id = name_id(name);
    if (defined_[id]) return wrong("a rule of this name stands above already");
    PUMICE_ASSIGN(const uint32_t node, either(0));
    defined_[id] = node;
    if (!cursor_.done() && cursor_.peek() != '\n' && cursor_.peek() != '\r')
      return wrong("the end of the line is expected");
    skip(true);
    return {};
  }

  uint32_t add(GbnfNode node) {
    nodes_.push_back(std::move(node));
    return static_cast<uint32_t>(nodes_.size() - 1);
  }

  Result<uint32_t> either(int depth) {
    if (depth > kMaxGbnfDepth) return wrong("groups are nested deeper than the limit");
    GbnfNode all = {.kind = GbnfNode::Kind::kEither};
    while (true) {
      PUMICE_ASSIGN(const uint32_t one, row(depth));
      all.inside.push_back(one);
      // A line that begins with | goes on with the rule.
      const size_t back = cursor_.at();
      skip(true);
      if (!cursor_.take("|")) {
        cursor_.back_to(back);
        return add(std::move(all));
      }
      skip(true);
    }
  }

  Result<uint32_t> row(int depth) {
    GbnfNode all = {.kind = GbnfNode::Kind::kRow};
    while (true) {
      const char c = cursor_.peek();
      if (cursor_.done() || c == '|' || c == ')' || (depth == 0 && (c == '\n' || c == '\r')))
        return add(std::move(all));
      PUMICE_ASSIGN(uint32_t part, item(depth));
      skip(depth > 0);
      for (int times = 0, more = 1; more != 0; skip(depth > 0)) {
        if (++times > kMaxQuantifiers) return wrong("too many quantifiers in a row");
        GbnfNode repeat = {.kind = GbnfNode::Kind::kRepeat, .inside = {part}, .min = 1, .max = 1};
        PUMICE_ASSIGN(more, quantifier(repeat.min, repeat.max));
        if (more != 0) part = add(std::move(repeat));
      }
      all.inside.push_back(part);
    }
  }

  Result<bool> quantifier(uint32_t& min, uint32_t& max) {
    if (cursor_.take("*")) {
      min = 0, max = kUnbounded;
    } else if (cursor_.take("+")) {
      min = 1, max = kUnbounded;
    } else if (cursor_.take("?")) {
      min = 0, max = 1;
    } else if (cursor_.take("{")) {
      skip(true);
      const auto low = cursor_.take_number();
      skip(true);
      min = max = low.value_or(0);
      const bool comma = cursor_.take(",");
      skip(true);
      if (comma) max = cursor_.take_number().value_or(kUnbounded);
      skip(true);
      if ((!low && !comma) || !cursor_.take("}")) return wrong("{m}, {m,} or {m,n} is expected");
      if (max < min) return wrong("the bounds of a repetition are the wrong way round");
    } else {
      return false;
    }
    return true;
  }

  Result<uint32_t> item(int depth) {
    if (cursor_.take("(")) {
      skip(true);
      PUMICE_ASSIGN(const uint32_t inside, either(depth + 1));
      skip(true);
      if (!cursor_.take(")")) return wrong(") is expected");
      return inside;
    }
    GbnfNode node = {.kind = GbnfNode::Kind::kExpr};
    if (cursor_.take("\"")) {
      PUMICE_ASSIGN(node.id, literal());
    } else if (cursor_.take("[")) {
      auto set = bracket_class(cursor_);
      if (!set) return wrong(set.error().message.c_str());
      node.id = characters_.one_of(*set);
    } else if (cursor_.take(".")) {
      node.id = characters_.any();
    } else if (cursor_.peek() == '<' || cursor_.peek() == '!') {
      return wrong("tokens by name or number are not supported");
    } else {
      const std::string name = take_name();
      if (name.empty()) return wrong("\"text\", [class], a name or ( is expected");
      node = {.kind = GbnfNode::Kind::kName, .id = name_id(name)};
    }
    return add(std::move(node));
  }

  Result<ExprId> literal() {
    std::vector<ExprId> parts;
    while (!cursor_.take("\"")) {
      if (cursor_.done()) return wrong("a text is not closed by \"");
      CharSet one;
      if (cursor_.take("\\")) {
        auto escaped = escape(cursor_, true);
        if (!escaped) return wrong(escaped.error().message.c_str());
        one = *escaped;
      } else {
        one.add(cursor_.take_character());
      }
      parts.push_back(characters_.one_of(one));
    }
    ExprId expr = kEmptyText;
    for (size_t i = parts.size(); i-- > 0;) expr = arena_.concat(parts[i], expr);
    return expr;
  }

  // The names that do not lead back to themselves: they are expressions, without a stack.
  void find_regular() {
    std::vector<std::vector<uint32_t>> users(names_.size());
    std::vector<uint32_t> open(names_.size(), 0);
    for (uint32_t name = 0; name < names_.size(); ++name) {
      std::vector<uint32_t> visit = {*defined_[name]};
      while (!visit.empty()) {
        const GbnfNode& node = nodes_[visit.back()];
        visit.pop_back();
        visit.insert(visit.end(), node.inside.begin(), node.inside.end());
        if (node.kind != GbnfNode::Kind::kName) continue;
        users[node.id].push_back(name);
        ++open[name];
      }
    }
    std::vector<uint32_t> ready;
    for (uint32_t name = 0; name < names_.size(); ++name)
      if (open[name] == 0) ready.push_back(name);
    regular_.resize(names_.size());
    while (!ready.empty()) {
      const uint32_t name = ready.back();
      ready.pop_back();
      regular_[name] = symbol(*defined_[name]).id;
      for (const uint32_t user : users[name])
        if (--open[user] == 0) ready.push_back(user);
    }
  }

  // Of parts that are expressions an expression, else a rule. Recursion is as deep as the groups.
  Symbol symbol(uint32_t id) {
    const GbnfNode& node = nodes_[id];
    if (node.kind == GbnfNode::Kind::kExpr) return Symbol::terminal(node.id);
    if (node.kind == GbnfNode::Kind::kName)
      return regular_[node.id] ? Symbol::terminal(*regular_[node.id]) : Symbol::rule(rule_of_[node.id]);
    std::vector<Symbol> parts;
    for (const uint32_t inside : node.inside) parts.push_back(symbol(inside));
    const bool plain = std::all_of(parts.begin(), parts.end(),
                                   [](const Symbol& part) { return part.kind == Symbol::Kind::kTerminal; });
    if (node.kind == GbnfNode::Kind::kRepeat)
      return plain ? Symbol::terminal(arena_.repeat(parts[0].id, node.min, node.max))
                   : rules_.repeat(parts[0], node.min, node.max);
    if (plain && node.kind == GbnfNode::Kind::kEither) {
      std::vector<ExprId> exprs;
      for (const Symbol& part : parts) exprs.push_back(part.id);
      return Symbol::terminal(arena_.any_of(std::move(exprs)));
    }
    if (plain) {
      ExprId expr = kEmptyText;
      for (size_t i = parts.size(); i-- > 0;) expr = arena_.concat(parts[i].id, expr);
      return Symbol::terminal(expr);
    }
    if (parts.size() == 1) return parts[0];
    const RuleId rule = rules_.add_rule();
    fill(rule, id, parts);
    return Symbol::rule(rule);
  }

  // Alternatives and rows become the rule's own productions, not those of further rules.
  void fill(RuleId rule, uint32_t id, const std::vector<Symbol>& parts) {
    const GbnfNode& node = nodes_[id];
    if (node.kind == GbnfNode::Kind::kRow) return rules_.add(rule, parts);
    for (const Symbol& part : parts) rules_.add(rule, {part});
  }

  void define(RuleId rule, uint32_t id) {
    const GbnfNode& node = nodes_[id];
    if (node.kind != GbnfNode::Kind::kEither) return rules_.add(rule, {symbol(id)});
    for (const uint32_t row : node.inside) {
      std::vector<Symbol> parts;
      for (const uint32_t inside : nodes_[row].inside) parts.push_back(symbol(inside));
      fill(rule, row, parts);
    }
  }

  Cursor cursor_;
  Rules rules_;
  Characters characters_;
  ExprArena& arena_;
  std::vector<GbnfNode> nodes_;
  std::map<std::string, uint32_t> name_of_;
  std::vector<std::string> names_;
  std::vector<std::optional<uint32_t>> defined_;
  std::vector<std::optional<ExprId>> regular_;
  std::vector<RuleId> rule_of_;
};

}  // namespace

Result<std::shared_ptr<const Grammar>> Grammar::from_gbnf(std::string_view source) {
  if (source.size() > kMaxSourceBytes)
    return error(Status::kUnsupported, "a grammar of %zu bytes is longer than the limit", source.size());
  return GbnfParser(source).compile();
}

}  // namespace pumice::grammar
