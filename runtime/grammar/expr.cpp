#include "grammar/expr.h"

#include <algorithm>

namespace pumice::grammar {
namespace {

constexpr ExprId kNotComputed = UINT32_MAX;

uint64_t mixed(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
  return hash ^ hash >> 29;
}

}  // namespace

ExprArena::ExprArena(size_t max_exprs) : max_exprs_(max_exprs) {
  slots_.assign(256, 0);
  Expr empty_text = {.kind = Kind::kEpsilon, .nullable = true};
  for (const Expr& expr : {Expr(), empty_text}) {
    exprs_.push_back(expr);
    first_.emplace_back();
    hashes_.push_back(0);
    table_of_.push_back(0);
  }
}

bool ExprArena::equal(const Expr& expr, const ByteSet& first, const std::vector<ExprId>& list, ExprId id) const {
  const Expr& other = exprs_[id];
  if (other.kind != expr.kind || other.min != expr.min || other.max != expr.max) return false;
  if (expr.kind == Kind::kBytes) return first_[id] == first;
  if (expr.kind != Kind::kOr && expr.kind != Kind::kAnd) return other.a == expr.a && other.b == expr.b;
  return other.b == list.size() && std::equal(list.begin(), list.end(), lists_.begin() + other.a);
}

void ExprArena::grow() {
  slots_.assign(slots_.size() * 2, 0);
  for (ExprId id = 2; id < exprs_.size(); ++id) {
    size_t slot = hashes_[id] & (slots_.size() - 1);
    while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = id;
  }
}

ExprId ExprArena::intern(Expr expr, const ByteSet& first, const std::vector<ExprId>& list) {
  uint64_t hash = mixed(static_cast<uint64_t>(expr.kind), uint64_t{expr.min} << 32 | expr.max);
  if (expr.kind == Kind::kBytes) {
    for (size_t i = 0; i < 4; ++i) hash = mixed(hash, first.word(i));
  } else if (list.empty()) {
    hash = mixed(hash, uint64_t{expr.a} << 32 | expr.b);
  }
  for (const ExprId id : list) hash = mixed(hash, id);
  size_t slot = hash & (slots_.size() - 1);
  for (; slots_[slot] != 0; slot = (slot + 1) & (slots_.size() - 1))
    if (hashes_[slots_[slot]] == hash && equal(expr, first, list, slots_[slot])) return slots_[slot];
  if (exprs_.size() >= max_exprs_) {
    exhausted_ = true;
    return kNever;
  }
  const auto id = static_cast<ExprId>(exprs_.size());
  if (!list.empty()) {
    expr.a = static_cast<uint32_t>(lists_.size());
    expr.b = static_cast<uint32_t>(list.size());
    lists_.insert(lists_.end(), list.begin(), list.end());
  }
  exprs_.push_back(expr);
  first_.push_back(first);
  hashes_.push_back(hash);
  table_of_.push_back(0);
  slots_[slot] = id;
  if (exprs_.size() * 2 > slots_.size()) grow();
  return id;
}

ExprId ExprArena::bytes(const ByteSet& set) { return set.empty() ? kNever : intern({.kind = Kind::kBytes}, set); }

ExprId ExprArena::text(std::string_view literal) {
  ExprId expr = kEmptyText;
  for (size_t i = literal.size(); i-- > 0;) {
    const auto byte = static_cast<uint8_t>(literal[i]);
    expr = concat(bytes(ByteSet::range(byte, byte)), expr);
  }
  return expr;
}

ExprId ExprArena::texts(std::vector<std::string> literals) {
  std::sort(literals.begin(), literals.end());
  literals.erase(std::unique(literals.begin(), literals.end()), literals.end());
  return texts(literals, 0, literals.size(), 0);
}

ExprId ExprArena::texts(const std::vector<std::string>& sorted, size_t begin, size_t end, size_t depth) {
  if (begin == end) return kNever;
  if (end - begin == 1) return text(std::string_view(sorted[begin]).substr(depth));
  size_t shared = depth;  // what all begin with, at once, so that the nesting is that of the branches
  while (shared < sorted[begin].size() && shared < sorted[end - 1].size() &&
         sorted[begin][shared] == sorted[end - 1][shared])
    ++shared;
  std::vector<ExprId> branches;
  size_t from = begin;
  if (sorted[from].size() == shared) {
    branches.push_back(kEmptyText);
    ++from;
  }
  while (from < end) {
    size_t to = from;
    while (to < end && sorted[to][shared] == sorted[from][shared]) ++to;
    const auto byte = static_cast<uint8_t>(sorted[from][shared]);
    branches.push_back(concat(bytes(ByteSet::range(byte, byte)), texts(sorted, from, to, shared + 1)));
    from = to;
  }
  const ExprId rest = any_of(std::move(branches));
  ExprId expr = rest;
  for (size_t i = shared; i-- > depth;) {
    const auto byte = static_cast<uint8_t>(sorted[begin][i]);
    expr = concat(bytes(ByteSet::range(byte, byte)), expr);
  }
  return expr;
}

ExprId ExprArena::concat(ExprId first, ExprId second) {
  if (first == kNever || second == kNever) return kNever;
  if (first == kEmptyText) return second;
  if (second == kEmptyText) return first;
  const Expr &a = exprs_[first], &b = exprs_[second];
  ByteSet start = first_[first];
  if (a.nullable) start |= first_[second];
  return intern({.kind = Kind::kConcat,
                 .nullable = a.nullable && b.nullable,
                 .boolean = a.boolean || b.boolean,
                 .a = first,
                 .b = second},
                start);
}

ExprId ExprArena::concat(std::initializer_list<ExprId> parts) {
  ExprId expr = kEmptyText;
  for (auto part = std::rbegin(parts); part != std::rend(parts); ++part) expr = concat(*part, expr);
  return expr;
}

void ExprArena::flatten(std::vector<ExprId>& parts, Kind kind) const {
  const size_t given = parts.size();
  for (size_t i = 0; i < given; ++i) {
    const Expr& expr = exprs_[parts[i]];
    if (expr.kind != kind) continue;
    parts.insert(parts.end(), lists_.begin() + expr.a, lists_.begin() + expr.a + expr.b);
    parts[i] = kind == Kind::kOr ? kNever : parts.back();
  }
  std::sort(parts.begin(), parts.end());
  parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
}

// Takes the single bytes out of the parts and returns them as one; kNotComputed if there are none.
ExprId ExprArena::combined_bytes(std::vector<ExprId>& parts, Kind kind) {
  ByteSet all = kind == Kind::kOr ? ByteSet() : ByteSet::all();
  const auto take = [&](ExprId id) {
    if (exprs_[id].kind != Kind::kBytes) return false;
    kind == Kind::kOr ? all |= first_[id] : all &= first_[id];
    return true;
  };
  const size_t before = parts.size();
  std::erase_if(parts, take);
  return parts.size() == before ? kNotComputed : bytes(all);
}

ExprId ExprArena::combine(std::vector<ExprId> parts, Kind kind) {
  flatten(parts, kind);
  if (parts.size() >= budget_) exhausted_ = true;
  if (exhausted_) return kNever;
  budget_ -= parts.size();
  const bool is_or = kind == Kind::kOr;
  const ExprId neutral = is_or ? kNever : complement(kNever), absorbing = is_or ? complement(kNever) : kNever;
  std::erase(parts, neutral);
  if (const ExprId single = combined_bytes(parts, kind); single != kNotComputed) parts.push_back(single);
  if (std::find(parts.begin(), parts.end(), absorbing) != parts.end()) return absorbing;
  if (parts.empty()) return neutral;
  std::sort(parts.begin(), parts.end());
  if (parts.size() == 1) return parts[0];
  Expr expr = {.kind = kind, .nullable = !is_or, .boolean = !is_or};
  ByteSet start = is_or ? ByteSet() : ByteSet::all();
  for (const ExprId part : parts) {
    is_or ? start |= first_[part] : start &= first_[part];
    expr.nullable = is_or ? expr.nullable || exprs_[part].nullable : expr.nullable && exprs_[part].nullable;
    expr.boolean = expr.boolean || exprs_[part].boolean;
    if (!is_or && exprs_[part].kind == Kind::kNot && std::binary_search(parts.begin(), parts.end(), exprs_[part].a))
      return kNever;
  }
  if (!is_or && start.empty()) return expr.nullable ? kEmptyText : kNever;
  return intern(expr, start, parts);
}

ExprId ExprArena::any_of(std::vector<ExprId> alternatives) { return combine(std::move(alternatives), Kind::kOr); }
ExprId ExprArena::all_of(std::vector<ExprId> conditions) { return combine(std::move(conditions), Kind::kAnd); }

ExprId ExprArena::complement(ExprId expr) {
  const Expr& inner = exprs_[expr];
  if (inner.kind == Kind::kNot) return inner.a;
  return intern({.kind = Kind::kNot, .nullable = !inner.nullable, .boolean = true, .a = expr}, ByteSet::all());
}

ExprId ExprArena::repeat(ExprId expr, uint32_t min, uint32_t max) {
  const Expr inner = exprs_[expr];
  if (inner.nullable) min = 0;
  if (max < min) return kNever;
  if (max == 0 || expr == kEmptyText) return kEmptyText;
  if (expr == kNever) return min == 0 ? kEmptyText : kNever;
  if (min == 1 && max == 1) return expr;
  if (inner.kind == Kind::kRepeat && inner.min == 0 && inner.max == kUnbounded) return expr;
  return intern(
      {.kind = Kind::kRepeat, .nullable = min == 0, .boolean = inner.boolean, .a = expr, .min = min, .max = max},
      first_[expr]);
}

ExprId ExprArena::multiple(uint32_t modulus, uint32_t places) { return multiple_state(modulus, 0, places, false); }

// remainder: of the digits so far. An integer part can always become a multiple; a fraction only if the places that are
// left reach one.
ExprId ExprArena::multiple_state(uint32_t modulus, uint32_t remainder, uint32_t places, bool fraction) {
  uint64_t scale = 1, at = remainder;
  for (uint32_t i = 0; i < places; ++i) {
    scale = std::min<uint64_t>(scale * 10, modulus);
    at = at * 10 % modulus;
  }
  if (fraction && at != 0 && modulus - at >= scale) return kNever;
  ByteSet start = ByteSet::range('0', '9');
  if (!fraction) start.add('.');
  return intern(
      {.kind = Kind::kMultiple, .nullable = at == 0, .a = modulus, .b = remainder, .min = places, .max = fraction},
      start);
}

}  // namespace pumice::grammar
