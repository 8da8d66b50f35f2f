// Rules: a context-free grammar whose terminals are expressions over bytes.
//
// A rule has productions, a production is a row of symbols. What GBNF, schemas and expressions compile to.
// Ownership: owns its expressions. Thread rule: one thread at a time while it is built, then immutable.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "grammar/expr.h"

namespace pumice::grammar {

using RuleId = uint32_t;

struct Symbol {
  enum class Kind : uint8_t { kTerminal, kRule, kMembers };
  Kind kind = Kind::kTerminal;
  uint32_t id = 0;  // ExprId, RuleId or the index of members
  static Symbol terminal(ExprId expr) { return {Kind::kTerminal, expr}; }
  static Symbol rule(RuleId rule) { return {Kind::kRule, rule}; }
  static Symbol members(uint32_t index) { return {Kind::kMembers, index}; }
  bool operator==(const Symbol&) const = default;
};

// Texts in any order, a separator between them: each key at most once, and others that may stand repeatedly once all
// required keys are there. No row matches the empty text.
struct Members {
  struct Key {
    std::vector<Symbol> row;
    bool required = false;
  };
  std::vector<Key> keys;
  std::vector<std::vector<Symbol>> others;
  ExprId separator = kEmptyText;
  uint32_t min = 0, max = kUnbounded;  // how many; towards the minimum all others together count as one
};

class Rules {
 public:
  static constexpr size_t kMaxSymbols = size_t{1} << 21;

  using Production = std::vector<Symbol>;

  RuleId add_rule() {
    rules_.emplace_back();
    return static_cast<RuleId>(rules_.size() - 1);
  }
  void add(RuleId rule, Production production);
  Symbol add(Members members);
  // A row of `symbol`, min to max times; what it adds grows with the logarithm of large bounds. `separator` stands
  // between them, unless it is the empty text.
  Symbol repeat(Symbol symbol, uint32_t min, uint32_t max, ExprId separator = kEmptyText);

  // Drops what can never match, and takes the recursion out of rules that begin with themselves. Errors: kUnsupported
  // where nothing matches at all, a rule begins with itself through others, or the grammar is too large.
  Result<void> finish(RuleId root);

  ExprArena& exprs() { return exprs_; }
  const ExprArena& exprs() const { return exprs_; }
  size_t size() const { return rules_.size(); }
  const std::vector<Production>& productions(RuleId rule) const { return rules_[rule]; }
  const std::vector<Members>& members() const { return members_; }
  RuleId root() const { return root_; }

 private:
  Symbol row(Symbol symbol, uint32_t count);
  Symbol at_most(Symbol symbol, uint32_t count, std::map<uint32_t, RuleId>& made);  // made: by their counts
  // The rules, then the members, with a row all of whose terminals fit and whose rules and members are such; of members
  // with as many of these as they need.
  std::vector<bool> made_of(const std::function<bool(ExprId)>& fits) const;
  size_t place_of(const Symbol& symbol) const {
    return symbol.kind == Symbol::Kind::kMembers ? rules_.size() + symbol.id : symbol.id;
  }
  void drop_what_never_matches();
  void unroll_own_beginning(RuleId rule);
  Result<void> check_beginnings() const;

  ExprArena exprs_;
  std::vector<std::vector<Production>> rules_;
  std::vector<Members> members_;
  size_t symbols_ = 0;
  RuleId root_ = 0;
};

}  // namespace pumice::grammar
