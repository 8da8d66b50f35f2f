// Sets of numbers → expressions of their decimal texts.
//
// A text is -?(0|[1-9][0-9]*)(\.[0-9]+)?; where every number is allowed, exponents are, too. A set with conditions
// leaves out the spelling with an exponent, and integers that with a point (1.0, which drafts up to 4 do not count as
// one): that can only forbid.
#pragma once

#include <optional>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "grammar/expr.h"

namespace pumice::grammar {

struct NumberBound {
  Decimal value;
  bool inclusive = true;
};

// All conditions hold together. The default is every number.
struct NumberSet {
  enum class Whole : uint8_t { kAny, kInteger, kNot, kBoth };  // kBoth: an integer and not one, so nothing
  Whole whole = Whole::kAny;
  std::vector<NumberBound> at_least, at_most;
  std::vector<Decimal> multiple_of, not_multiple_of;
  std::vector<Decimal> excluded;
  std::optional<std::vector<Decimal>> listed;  // only these

  bool is_every() const;
  void add(const NumberSet& other);  // its conditions, too
};

// -1, 0, 1. Exact.
int compare(const Decimal& a, const Decimal& b);

// Errors: kUnsupported for a number with too many digits or too large a divisor.
Result<ExprId> number_texts(ExprArena& arena, const NumberSet& set);

}  // namespace pumice::grammar
