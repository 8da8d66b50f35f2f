#include "grammar/grammar.h"

#include "grammar/characters.h"
#include "grammar/pattern.h"

namespace pumice::grammar {

Grammar::Grammar(Rules&& rules, ExprId string_unit) {
  Program program = Program::make(std::move(rules));
  program.string_unit = string_unit;
  program_ = std::make_shared<const Program>(std::move(program));
}

namespace {

// A character that a JSON string has without an escape, spelled plainly: that is most of what is plain text, too.
ExprId plain_unit(ExprArena& arena) {
  Characters characters(arena, Spelling::kPlain);
  return characters.one_of(CharSet{{0, 0x1F}, {'"', '"'}, {'\\', '\\'}}.complement());
}

Result<std::shared_ptr<const Grammar>> finished(Rules&& rules, RuleId root) {
  const ExprId unit = plain_unit(rules.exprs());
  PUMICE_TRY(rules.finish(root));
  return std::make_shared<const Grammar>(std::move(rules), unit);
}

}  // namespace

Result<std::shared_ptr<const Grammar>> Grammar::from_regex(std::string_view expression) {
  Rules rules;
  Characters characters(rules.exprs(), Spelling::kPlain);
  PUMICE_ASSIGN(const ExprId expr, pattern(characters, expression, Match::kWhole));
  const RuleId root = rules.add_rule();
  rules.add(root, {Symbol::terminal(expr)});
  return finished(std::move(rules), root);
}

Result<std::shared_ptr<const Grammar>> Grammar::from_choices(const std::vector<std::string>& choices) {
  size_t bytes = 0;
  for (const std::string& choice : choices) bytes += choice.size();
  if (choices.empty()) return error(Status::kInvalidArgument, "a list of choices is empty");
  if (bytes > kMaxSourceBytes)
    return error(Status::kUnsupported, "choices of %zu bytes are more than the limit", bytes);
  Rules rules;
  const RuleId root = rules.add_rule();
  rules.add(root, {Symbol::terminal(rules.exprs().texts(choices))});
  return finished(std::move(rules), root);
}

}  // namespace pumice::grammar
