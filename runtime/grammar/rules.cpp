#include "grammar/rules.h"

#include <algorithm>
#include <utility>

namespace pumice::grammar {

void Rules::add(RuleId rule, Production production) {
  std::erase(production, Symbol::terminal(kEmptyText));
  symbols_ += production.size() + 1;
  if (symbols_ <= kMaxSymbols) rules_[rule].push_back(std::move(production));
}

Symbol Rules::add(Members members) {
  for (const Members::Key& key : members.keys) symbols_ += key.row.size() + 1;
  for (const Production& row : members.others) symbols_ += row.size() + 1;
  if (symbols_ > kMaxSymbols) members = {};
  members_.push_back(std::move(members));
  return Symbol::members(static_cast<uint32_t>(members_.size() - 1));
}

// Exactly `count`: halves, so that a million takes some forty rules.
Symbol Rules::row(Symbol symbol, uint32_t count) {
  if (count == 1) return symbol;
  const RuleId rule = add_rule();
  if (count <= 4) {
    add(rule, Production(count, symbol));
    return Symbol::rule(rule);
  }
  const Symbol half = row(symbol, count / 2);
  Production production = {half, half};
  if (count % 2 == 1) production.push_back(symbol);
  add(rule, std::move(production));
  return Symbol::rule(rule);
}

// 0 to `count`, each number in one way: fewer than half of them, or half of them and the rest.
Symbol Rules::at_most(Symbol symbol, uint32_t count, std::map<uint32_t, RuleId>& made) {
  const auto [known, is_new] = made.try_emplace(count, 0);
  if (!is_new) return Symbol::rule(known->second);
  const RuleId rule = known->second = add_rule();
  if (count <= 16) {
    add(rule, {});
    if (count > 0) add(rule, count == 1 ? Production{symbol} : Production{symbol, at_most(symbol, count - 1, made)});
    return Symbol::rule(rule);
  }
  const uint32_t half = count / 2 + 1;
  add(rule, {at_most(symbol, half - 1, made)});
  add(rule, {row(symbol, half), at_most(symbol, count - half, made)});
  return Symbol::rule(rule);
}

Symbol Rules::repeat(Symbol symbol, uint32_t min, uint32_t max, ExprId separator) {
  const RuleId rule = add_rule();
  if (max < min) return Symbol::rule(rule);  // nothing matches
  if (max == 0) {
    add(rule, {});
    return Symbol::rule(rule);
  }
  const RuleId later = separator == kEmptyText ? 0 : add_rule();
  Symbol next = symbol;
  if (separator != kEmptyText) {
    add(later, {Symbol::terminal(separator), symbol});
    next = Symbol::rule(later);
  }
  if (min == 0) add(rule, {});
  Production production = {symbol};
  const uint32_t sure = min == 0 ? 0 : min - 1;
  if (sure > 0) production.push_back(row(next, sure));
  if (max == kUnbounded) {
    const RuleId more = add_rule();
    add(more, {});
    add(more, {next, Symbol::rule(more)});
    production.push_back(Symbol::rule(more));
  } else if (max - 1 > sure) {
    std::map<uint32_t, RuleId> made;
    production.push_back(at_most(next, max - 1 - sure, made));
  }
  add(rule, std::move(production));
  return Symbol::rule(rule);
}

std::vector<bool> Rules::made_of(const std::function<bool(ExprId)>& fits) const {
  const size_t rules = rules_.size(), all = rules + members_.size();
  std::vector<bool> made(all, false);
  // Which rows wait for a rule or for members, and for how many they do.
  std::vector<std::vector<std::pair<size_t, size_t>>> waiting(all);
  std::vector<std::vector<size_t>> open(all);
  std::vector<uint32_t> needed(members_.size(), 0), required = needed, available = needed;  // of keys; still; so far
  std::vector<bool> has_other(members_.size(), false);
  std::vector<size_t> ready;
  const auto reach = [&](size_t at) {
    if (made[at]) return;
    made[at] = true;
    ready.push_back(at);
  };
  const auto reach_members = [&](size_t at) {
    const Members& members = members_[at - rules];
    if (members.min > members.max || needed[at - rules] > members.max) return;
    if (required[at - rules] == 0 && available[at - rules] >= members.min) reach(at);
  };
  const auto reach_row = [&](size_t at, size_t row) {
    if (at < rules) return reach(at);
    const auto& keys = members_[at - rules].keys;
    if (row < keys.size() || !has_other[at - rules]) ++available[at - rules];
    if (row >= keys.size()) has_other[at - rules] = true;
    if (row < keys.size() && keys[row].required) --required[at - rules];
    reach_members(at);
  };
  const auto add_row = [&](size_t at, const Production& row) {
    size_t left = 0;
    for (const Symbol& symbol : row) {
      const bool is_terminal = symbol.kind == Symbol::Kind::kTerminal;
      if (!is_terminal) waiting[place_of(symbol)].emplace_back(at, open[at].size());
      left += !is_terminal || !fits(symbol.id);
    }
    open[at].push_back(left);
  };
  for (size_t at = 0; at < rules; ++at)
    for (const Production& production : rules_[at]) add_row(at, production);
  for (size_t at = rules; at < all; ++at) {
    for (const Members::Key& key : members_[at - rules].keys) {
      add_row(at, key.row);
      needed[at - rules] += key.required;
    }
    for (const Production& row : members_[at - rules].others) add_row(at, row);
    required[at - rules] = needed[at - rules];
    reach_members(at);
  }
  for (size_t at = 0; at < all; ++at)
    for (size_t row = 0; row < open[at].size(); ++row)
      if (open[at][row] == 0) reach_row(at, row);
  while (!ready.empty()) {
    const size_t at = ready.back();
    ready.pop_back();
    for (const auto& [user, row] : waiting[at])
      if (--open[user][row] == 0) reach_row(user, row);
  }
  return made;
}

void Rules::drop_what_never_matches() {
  const std::vector<bool> matching = made_of([&](ExprId expr) { return exprs_.alive(expr); });
  const auto hopeless = [&](const Production& row) {
    return std::any_of(row.begin(), row.end(), [&](const Symbol& symbol) {
      return symbol.kind == Symbol::Kind::kTerminal ? !exprs_.alive(symbol.id) : !matching[place_of(symbol)];
    });
  };
  for (Members& members : members_) {
    std::erase_if(members.keys, [&](const Members::Key& key) { return hopeless(key.row); });
    std::erase_if(members.others, hopeless);
  }
  for (auto& productions : rules_) {
    std::erase_if(productions, hopeless);
    std::vector<Production> kept;  // a production that stands twice would only double the work
    for (Production& production : productions)
      if (productions.size() > 64 || std::find(kept.begin(), kept.end(), production) == kept.end())
        kept.push_back(std::move(production));
    productions = std::move(kept);
  }
}

// A → A x | y becomes A → y M, M → x M | nothing.
void Rules::unroll_own_beginning(RuleId rule) {
  const Symbol self = Symbol::rule(rule);
  const auto begins = [&](const Production& production) { return !production.empty() && production[0] == self; };
  if (std::none_of(rules_[rule].begin(), rules_[rule].end(), begins)) return;
  const RuleId more = add_rule();
  std::vector<Production> productions = std::exchange(rules_[rule], {});
  add(more, {});
  for (Production& production : productions) {
    const bool own = begins(production);
    if (own) production.erase(production.begin());
    if (own && production.empty()) continue;
    production.push_back(Symbol::rule(more));
    add(own ? more : rule, std::move(production));
  }
}

// A rule may lead back to itself without a byte in between only where it is the last of a production: its callers stay
// the same then. Tarjan 1972, "Depth-first search and linear graph algorithms", without recursion.
Result<void> Rules::check_beginnings() const {
  const std::vector<bool> nullable = made_of([&](ExprId expr) { return exprs_.nullable(expr); });
  std::vector<std::vector<std::pair<RuleId, bool>>> begins(rules_.size());  // a rule, and whether more follows it
  for (RuleId rule = 0; rule < rules_.size(); ++rule)
    for (const Production& production : rules_[rule])
      for (size_t i = 0; i < production.size(); ++i) {
        const Symbol& symbol = production[i];
        const bool is_rule = symbol.kind == Symbol::Kind::kRule;
        if (is_rule) begins[rule].emplace_back(symbol.id, i + 1 < production.size());
        const bool is_terminal = symbol.kind == Symbol::Kind::kTerminal;
        if (is_terminal ? !exprs_.nullable(symbol.id) : !nullable[place_of(symbol)]) break;
      }
  constexpr uint32_t kNone = UINT32_MAX;
  std::vector<uint32_t> order(rules_.size(), kNone), low(rules_.size(), 0), component(rules_.size(), kNone);
  std::vector<std::pair<RuleId, size_t>> path;
  std::vector<RuleId> stack;
  uint32_t visited = 0;
  for (RuleId from = 0; from < rules_.size(); ++from) {
    if (order[from] == kNone) path.push_back({from, 0});
    while (!path.empty()) {
      const RuleId rule = path.back().first;
      if (path.back().second == 0) {
        order[rule] = low[rule] = visited++;
        stack.push_back(rule);
      }
      if (path.back().second < begins[rule].size()) {
        const RuleId next = begins[rule][path.back().second++].first;
        if (order[next] == kNone) path.push_back({next, 0});
        if (component[next] == kNone && order[next] != kNone) low[rule] = std::min(low[rule], order[next]);
        continue;
      }
      path.pop_back();
      if (!path.empty()) low[path.back().first] = std::min(low[path.back().first], low[rule]);
      if (low[rule] != order[rule]) continue;
      for (RuleId member = kNone; member != rule; stack.pop_back()) component[member = stack.back()] = rule;
    }
  }
  for (RuleId rule = 0; rule < rules_.size(); ++rule)
    for (const auto& [next, more] : begins[rule])
      if (more && component[next] == component[rule])
        return error(Status::kUnsupported, "a rule begins with itself by way of other rules (left recursion)");
  return {};
}

Result<void> Rules::finish(RuleId root) {
  root_ = root;
  drop_what_never_matches();
  if (exprs_.exhausted() || symbols_ > kMaxSymbols)
    return error(Status::kUnsupported, "it becomes an automaton larger than the limit");
  if (rules_[root].empty()) return error(Status::kUnsupported, "no text matches it");
  for (RuleId rule = 0, count = static_cast<RuleId>(rules_.size()); rule < count; ++rule) unroll_own_beginning(rule);
  return check_beginnings();
}

}  // namespace pumice::grammar
