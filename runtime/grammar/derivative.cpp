// Derivatives of expressions, and the searches through the states that they make.
#include <algorithm>

#include "grammar/expr.h"

namespace pumice::grammar {
namespace {

constexpr ExprId kUnknownState = UINT32_MAX;
constexpr size_t kMaxSearched = 20'000;  // states that a search for a match may visit

}  // namespace

ExprId ExprArena::derive(ExprId expr, uint8_t byte) {
  if (!first_[expr].has(byte)) return kNever;  // no complement: that may begin with any byte
  uint32_t table = table_of_[expr];
  if (table == 0) {
    tables_.emplace_back().fill(kUnknownState);
    table = table_of_[expr] = static_cast<uint32_t>(tables_.size());
  }
  if (const ExprId known = tables_[table - 1][byte]; known != kUnknownState) return known;
  const ExprId result = compute(expr, byte);
  return tables_[table - 1][byte] = result;
}

void ExprArena::forget() {
  tables_.clear();
  std::fill(table_of_.begin(), table_of_.end(), 0);
}

ExprId ExprArena::compute(ExprId id, uint8_t byte) {
  const Expr expr = exprs_[id];
  switch (expr.kind) {
    case Kind::kNothing:
    case Kind::kEpsilon:
      return kNever;
    case Kind::kBytes:
      return kEmptyText;
    case Kind::kConcat:
      return derive_sequence(id, byte);
    case Kind::kOr:
    case Kind::kAnd: {
      std::vector<ExprId> parts;
      for (uint32_t i = 0; i < expr.b; ++i) {
        const ExprId part = lists_[expr.a + i];
        if (expr.kind == Kind::kAnd || first_[part].has(byte)) parts.push_back(derive(part, byte));
      }
      return combine(std::move(parts), expr.kind);
    }
    case Kind::kNot:
      return complement(derive(expr.a, byte));
    case Kind::kRepeat: {
      const uint32_t max = expr.max == kUnbounded ? kUnbounded : expr.max - 1;
      return concat(derive(expr.a, byte), repeat(expr.a, expr.min == 0 ? 0 : expr.min - 1, max));
    }
    case Kind::kMultiple:
      return derive_multiple(expr, byte);
  }
  return kNever;
}

ExprId ExprArena::derive_sequence(ExprId expr, uint8_t byte) {
  std::vector<ExprId> parts;
  while (exprs_[expr].kind == Kind::kConcat) {
    const Expr sequence = exprs_[expr];
    if (const ExprId first = derive(sequence.a, byte); first != kNever) parts.push_back(concat(first, sequence.b));
    if (!exprs_[sequence.a].nullable) return any_of(std::move(parts));
    expr = sequence.b;
  }
  parts.push_back(derive(expr, byte));
  return any_of(std::move(parts));
}

ExprId ExprArena::derive_multiple(Expr expr, uint8_t byte) {
  if (byte == '.') return multiple_state(expr.a, expr.b, expr.min, true);
  const uint32_t digit = byte - uint32_t{'0'};
  if (expr.max == 1 && expr.min == 0) return digit == 0 ? multiple_state(expr.a, expr.b, 0, true) : kNever;
  const auto remainder = static_cast<uint32_t>((uint64_t{expr.b} * 10 + digit) % expr.a);
  return multiple_state(expr.a, remainder, expr.min - (expr.max == 1), expr.max == 1);
}

bool ExprArena::alive(ExprId start) {
  if (!exprs_[start].boolean) return start != kNever;
  if (exprs_[start].life != Life::kUnknown) return exprs_[start].life == Life::kAlive;
  // Depth first; what is on the path when a match is found is alive, all that was seen without one is dead.
  struct Visit {
    ExprId expr;
    uint32_t byte;
  };
  std::vector<Visit> path = {{start, 0}};
  std::vector<ExprId> seen = {start};
  exprs_[start].life = Life::kDead;
  bool found = false;
  while (!path.empty()) {
    const ExprId expr = path.back().expr;
    found = exprs_[expr].nullable || (exprs_[expr].life == Life::kAlive) || (!exprs_[expr].boolean && expr != kNever);
    if (found || seen.size() > kMaxSearched || exhausted_) break;
    const uint32_t byte = first_[expr].next(path.back().byte);
    if (byte >= 256) {
      path.pop_back();
      continue;
    }
    path.back().byte = byte + 1;
    const ExprId next = derive(expr, static_cast<uint8_t>(byte));
    if (next == kNever || exprs_[next].life == Life::kDead) continue;
    if (exprs_[next].life == Life::kUnknown) {
      exprs_[next].life = Life::kDead;
      seen.push_back(next);
    }
    path.push_back({next, 0});
  }
  const bool complete = path.empty();
  if (!found && !complete) exhausted_ = true;
  if (!complete)
    for (const ExprId expr : seen) exprs_[expr].life = Life::kUnknown;
  for (const Visit& visit : path) exprs_[visit.expr].life = Life::kAlive;
  return !complete;
}

bool ExprArena::matches(ExprId expr, std::string_view text) {
  for (const char c : text) expr = derive(expr, static_cast<uint8_t>(c));
  return nullable(expr);
}

bool ExprArena::contains(ExprId larger, ExprId smaller) {
  const uint64_t key = uint64_t{larger} << 32 | smaller;
  const auto at = std::lower_bound(contained_.begin(), contained_.end(), std::pair(key, false));
  if (at != contained_.end() && at->first == key) return at->second;
  const auto place = at - contained_.begin();
  const bool result = !alive(all_of({smaller, complement(larger)}));
  contained_.insert(contained_.begin() + place, {key, result});
  return result;
}

// Whether every row of units can become a match: all states that they lead to are alive. Looks at a few states only.
bool ExprArena::runs_free(ExprId start, ExprId unit) {
  constexpr size_t kMaxPairs = 48;
  std::vector<std::pair<ExprId, ExprId>> seen = {{start, repeat(unit, 0)}};
  for (size_t i = 0; i < seen.size(); ++i) {
    const auto [expr, rest] = seen[i];
    ExprId last = kUnknownState, last_rest = kUnknownState;
    const ByteSet bytes = first_[rest];
    for (uint32_t byte = bytes.next(0); byte < 256; byte = bytes.next(byte + 1)) {
      const ExprId next = derive(expr, static_cast<uint8_t>(byte)), after = derive(rest, static_cast<uint8_t>(byte));
      if (next == last && after == last_rest) continue;
      last = next, last_rest = after;
      if (!alive(next)) return false;
      if (std::find(seen.begin(), seen.end(), std::pair(next, after)) != seen.end()) continue;
      if (seen.size() == kMaxPairs) return false;
      seen.emplace_back(next, after);
    }
  }
  for (const auto& [expr, rest] : seen)
    if (rest == seen[0].second) runs_free_.insert(expr);
  return true;
}

uint32_t ExprArena::run_of(ExprId id, ExprId unit) {
  const Expr expr = exprs_[id];
  if (runs_free_.contains(id)) return kUnbounded;
  switch (expr.kind) {
    case Kind::kConcat:
      return exprs_[expr.b].boolean ? 0 : run_of(expr.a, unit);
    case Kind::kOr: {
      uint32_t most = 0;
      for (uint32_t i = 0; i < expr.b; ++i) most = std::max(most, run_of(lists_[expr.a + i], unit));
      return most;
    }
    case Kind::kAnd:
      if (runs_bound_.contains(id)) return 0;
      if (runs_free(id, unit)) return kUnbounded;
      runs_bound_.insert(id);
      return 0;
    case Kind::kRepeat:
      return !expr.boolean && contains(expr.a, unit) ? expr.max : 0;
    default:
      return 0;
  }
}

}  // namespace pumice::grammar
