// ExprArena: regular expressions over bytes, with intersection and complement, and their derivatives.
//
// An expression is a number; equal expressions have equal numbers, so that an expression is a state of the automaton
// that its derivatives make (Brzozowski 1964, "Derivatives of regular expressions"; Owens, Reppy and Turon 2009).
// States exist only once they are reached.
//
// Contract: at most max_exprs expressions and a budget of work, after which exhausted() stays true and results mean
//   nothing: whoever uses them asks at the end. Nesting is bounded by what the callers nest; sequences cost no stack.
// Ownership: owns all. A copy is independent; numbers made before stay valid in it. Thread rule: one thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "grammar/byte_set.h"

namespace pumice::grammar {

using ExprId = uint32_t;
inline constexpr ExprId kNever = 0;      // matches nothing
inline constexpr ExprId kEmptyText = 1;  // matches the text without bytes
inline constexpr uint32_t kUnbounded = UINT32_MAX;

class ExprArena {
 public:
  static constexpr size_t kMaxExprs = size_t{1} << 20;
  static constexpr size_t kBudget = 3'000'000;  // parts of alternatives looked at: some two seconds

  explicit ExprArena(size_t max_exprs = kMaxExprs);

  ExprId bytes(const ByteSet& set);
  ExprId text(std::string_view literal);
  ExprId texts(std::vector<std::string> literals);  // any of them, as a tree over their beginnings
  ExprId concat(ExprId first, ExprId second);
  ExprId concat(std::initializer_list<ExprId> parts);
  ExprId any_of(std::vector<ExprId> alternatives);
  ExprId all_of(std::vector<ExprId> conditions);
  ExprId complement(ExprId expr);
  ExprId repeat(ExprId expr, uint32_t min, uint32_t max = kUnbounded);
  ExprId optional(ExprId expr) { return any_of({expr, kEmptyText}); }
  // Digits with an optional fraction whose value is a multiple of modulus · 10^-places; modulus at most kMaxModulus.
  static constexpr uint32_t kMaxModulus = 100'000'000;
  ExprId multiple(uint32_t modulus, uint32_t places);

  bool is_complement(ExprId expr) const { return exprs_[expr].kind == Kind::kNot; }
  bool nullable(ExprId expr) const { return exprs_[expr].nullable; }
  // A superset of the bytes that a match can begin with; exact where no intersection or complement is inside.
  const ByteSet& first(ExprId expr) const { return first_[expr]; }
  // What may follow the byte.
  ExprId derive(ExprId expr, uint8_t byte);
  // Whether it matches any text at all. Where the search takes more than its limit: true, and exhausted().
  bool alive(ExprId expr);
  bool matches(ExprId expr, std::string_view text);

  // How many of `unit` may follow in a row, whatever they are, with a match still possible; 0 if not known.
  uint32_t run_of(ExprId expr, ExprId unit);
  // Tells run_of of any number of any characters, which the caller knows to be so.
  void set_runs_free(ExprId expr) { runs_free_.insert(expr); }

  bool exhausted() const { return exhausted_; }
  void renew_budget() { budget_ = kBudget; }
  size_t size() const { return exprs_.size(); }
  // Forgets derivatives, which are computed again when they are asked for.
  void forget();
  size_t tables() const { return tables_.size(); }

 private:
  enum class Kind : uint8_t { kNothing, kEpsilon, kBytes, kConcat, kOr, kAnd, kNot, kRepeat, kMultiple };
  enum class Life : uint8_t { kUnknown, kAlive, kDead };
  struct Expr {
    Kind kind = Kind::kNothing;
    bool nullable = false;
    bool boolean = false;  // an intersection or a complement is inside
    Life life = Life::kUnknown;
    // kConcat: first, second. kOr, kAnd: place in lists_, how many. kNot, kRepeat: inner (a).
    // kBytes: place in sets. kMultiple: modulus, remainder.
    uint32_t a = 0, b = 0;
    // kRepeat: how often. kMultiple: places left, 1 after the point.
    uint32_t min = 0, max = 0;
  };
  using Table = std::array<ExprId, 256>;

  ExprId intern(Expr expr, const ByteSet& first, const std::vector<ExprId>& list = {});
  bool equal(const Expr& expr, const ByteSet& first, const std::vector<ExprId>& list, ExprId other) const;
  void grow();
  ExprId multiple_state(uint32_t modulus, uint32_t remainder, uint32_t places, bool fraction);
  ExprId combine(std::vector<ExprId> parts, Kind kind);
  void flatten(std::vector<ExprId>& parts, Kind kind) const;
  ExprId combined_bytes(std::vector<ExprId>& parts, Kind kind);
  ExprId texts(const std::vector<std::string>& sorted, size_t begin, size_t end, size_t depth);
  ExprId compute(ExprId expr, uint8_t byte);
  ExprId derive_sequence(ExprId expr, uint8_t byte);
  ExprId derive_multiple(Expr expr, uint8_t byte);
  bool runs_free(ExprId start, ExprId unit);
  bool contains(ExprId larger, ExprId smaller);

  std::vector<Expr> exprs_;
  std::vector<ByteSet> first_;
  std::vector<ExprId> lists_;
  std::vector<uint32_t> slots_;   // a hash table of expressions
  std::vector<uint64_t> hashes_;  // of each expression
  std::vector<uint32_t> table_of_;
  std::deque<Table> tables_;
  std::vector<std::pair<uint64_t, bool>> contained_;
  std::unordered_set<ExprId> runs_free_, runs_bound_;  // see run_of; of intersections those that are not free
  size_t max_exprs_, budget_ = kBudget;
  bool exhausted_ = false;
};

}  // namespace pumice::grammar
