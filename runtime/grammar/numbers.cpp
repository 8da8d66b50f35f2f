#include "grammar/numbers.h"

#include <algorithm>
#include <string>

namespace pumice::grammar {
namespace {

constexpr int64_t kMaxDigits = 400;

// The digits before the point ("0" if none) and after it, without useless zeros.
struct Places {
  std::string whole, fraction;
};

bool fits(const Decimal& value) {
  const auto digits = static_cast<int64_t>(value.digits.size());
  return digits <= kMaxDigits && value.exponent <= kMaxDigits && value.exponent >= -kMaxDigits;
}

Places places_of(const Decimal& value) {
  Places places;
  std::string digits = value.digits;
  if (value.exponent >= 0) {
    digits.append(static_cast<size_t>(value.exponent), '0');
    places.whole = digits;
  } else {
    const auto behind = static_cast<size_t>(-value.exponent);
    if (digits.size() < behind) digits.insert(0, behind - digits.size(), '0');
    places.whole = digits.substr(0, digits.size() - behind);
    places.fraction = digits.substr(digits.size() - behind);
  }
  if (value.digits.empty()) places.whole.clear();
  if (places.whole.empty()) places.whole = "0";
  return places;
}

// Expressions of texts without a sign.
class NumberTexts {
 public:
  NumberTexts(ExprArena& arena, NumberSet::Whole whole) : arena_(arena), whole_(whole) {
    zeros_ = arena.repeat(digit('0', '0'), 0);
    digits_ = arena.repeat(digit('0', '9'), 0);
    some_ = arena.concat({zeros_, digit('1', '9'), digits_});
    point_ = digit('.', '.');
    using Whole = NumberSet::Whole;
    fraction_ = whole == Whole::kAny       ? arena.optional(arena.concat({point_, digit('0', '9'), digits_}))
                : whole == Whole::kInteger ? kEmptyText
                : whole == Whole::kNot     ? arena.concat(point_, some_)
                                           : kNever;
    integer_ = arena.any_of({digit('0', '0'), arena.concat(digit('1', '9'), digits_)});
    any_ = arena.concat(integer_, fraction_);
  }

  ExprId any() const { return any_; }
  ExprId exponent() {
    const ExprId sign = arena_.optional(arena_.bytes(plus_minus()));
    ByteSet e;
    e.add('e'), e.add('E');
    const ExprId fraction = arena_.optional(arena_.concat({point_, digit('0', '9'), digits_}));
    return arena_.concat({integer_, fraction, arena_.bytes(e), sign, digit('0', '9'), digits_});
  }

  // Texts whose value compares so with the bound, which is not negative.
  ExprId compared(const Decimal& bound, bool less, bool equal, bool greater) {
    const auto [whole, behind] = places_of(bound);
    const auto n = static_cast<uint32_t>(whole.size());
    std::vector<ExprId> parts;
    const ExprId all_digits = digit('0', '9');
    if (less && n > 1)
      parts.push_back(arena_.concat(
          arena_.any_of({digit('0', '0'), arena_.concat(digit('1', '9'), arena_.repeat(all_digits, 0, n - 2))}),
          fraction_));
    if (greater) parts.push_back(arena_.concat({digit('1', '9'), arena_.repeat(all_digits, n), fraction_}));
    for (uint32_t i = 0; i < n; ++i) {
      const ExprId before = arena_.text(whole.substr(0, i)), after = arena_.repeat(all_digits, n - 1 - i, n - 1 - i);
      const char lowest = i == 0 && n > 1 ? '1' : '0';
      if (less && whole[i] > lowest)
        parts.push_back(arena_.concat({before, digit(lowest, static_cast<char>(whole[i] - 1)), after, fraction_}));
      if (greater && whole[i] < '9')
        parts.push_back(arena_.concat({before, digit(static_cast<char>(whole[i] + 1), '9'), after, fraction_}));
    }
    if (whole_ == NumberSet::Whole::kInteger) {
      if (behind.empty() ? equal : less) parts.push_back(arena_.concat(arena_.text(whole), fraction_));
      return arena_.any_of(std::move(parts));
    }
    parts.push_back(arena_.concat(arena_.text(whole), fraction(behind, less, equal, greater)));
    const ExprId all = arena_.any_of(std::move(parts));
    return whole_ == NumberSet::Whole::kAny ? all : arena_.all_of({all, any_});
  }

  ExprId multiple(const Decimal& divisor) {
    uint32_t modulus = 0;
    for (const char c : divisor.digits) modulus = modulus * 10 + static_cast<uint32_t>(c - '0');
    for (int64_t i = 0; i < divisor.exponent; ++i) modulus *= 10;
    return arena_.multiple(modulus, divisor.exponent < 0 ? static_cast<uint32_t>(-divisor.exponent) : 0);
  }

 private:
  static ByteSet plus_minus() {
    ByteSet set;
    set.add('+'), set.add('-');
    return set;
  }
  ExprId digit(char low, char high) {
    return arena_.bytes(ByteSet::range(static_cast<uint8_t>(low), static_cast<uint8_t>(high)));
  }

  // What may follow the bound's own whole part.
  ExprId fraction(const std::string& bound, bool less, bool equal, bool greater) {
    std::vector<ExprId> parts;
    if (bound.empty()) {
      if (equal) parts.push_back(arena_.optional(arena_.concat({point_, digit('0', '0'), zeros_})));
      if (greater) parts.push_back(arena_.concat(point_, some_));
      return arena_.any_of(std::move(parts));
    }
    if (less) parts.push_back(kEmptyText);
    for (size_t i = 0; i < bound.size(); ++i) {
      const ExprId before = arena_.concat(point_, arena_.text(bound.substr(0, i)));
      if (less && i > 0) parts.push_back(before);
      if (less && bound[i] > '0')
        parts.push_back(arena_.concat({before, digit('0', static_cast<char>(bound[i] - 1)), digits_}));
      if (greater && bound[i] < '9')
        parts.push_back(arena_.concat({before, digit(static_cast<char>(bound[i] + 1), '9'), digits_}));
    }
    const ExprId whole = arena_.concat(point_, arena_.text(bound));
    if (equal) parts.push_back(arena_.concat(whole, zeros_));
    if (greater) parts.push_back(arena_.concat(whole, some_));
    return arena_.any_of(std::move(parts));
  }

  ExprArena& arena_;
  NumberSet::Whole whole_;
  ExprId zeros_, digits_, some_, point_, fraction_, integer_, any_;
};

// Texts without a sign whose value v, or -v for those behind a minus, meets the bound.
ExprId bounded(NumberTexts& texts, const NumberBound& bound, bool is_lower, bool behind_minus) {
  Decimal value = bound.value;
  const bool zero = value.digits.empty();
  // behind a minus: -v >= b means v <= -b
  const bool lower = is_lower != behind_minus;
  const bool negative = zero ? false : value.negative != behind_minus;
  value.negative = false;
  if (negative) return lower ? texts.any() : kNever;
  return lower ? texts.compared(value, false, bound.inclusive, true)
               : texts.compared(value, true, bound.inclusive, false);
}

Result<void> check(const NumberSet& set) {
  const auto too_long = [](const Decimal& value) { return !fits(value); };
  bool bad = std::any_of(set.excluded.begin(), set.excluded.end(), too_long);
  if (set.listed) bad = bad || std::any_of(set.listed->begin(), set.listed->end(), too_long);
  for (const auto* bounds : {&set.at_least, &set.at_most})
    for (const NumberBound& bound : *bounds) bad = bad || !fits(bound.value);
  if (bad) return error(Status::kUnsupported, "a number has more than %d digits", static_cast<int>(kMaxDigits));
  for (const auto* divisors : {&set.multiple_of, &set.not_multiple_of})
    for (const Decimal& divisor : *divisors) {
      const int64_t digits = static_cast<int64_t>(divisor.digits.size()) + std::max<int64_t>(divisor.exponent, 0);
      if (divisor.negative || divisor.digits.empty())
        return error(Status::kMalformed, "multipleOf must be greater than 0");
      if (digits > 4 || divisor.exponent < -30)
        return error(Status::kUnsupported, "multipleOf has more digits than the limit of 4");
    }
  return {};
}

ExprId unsigned_texts(ExprArena& arena, NumberTexts& texts, const NumberSet& set, bool behind_minus) {
  std::vector<ExprId> all;
  for (const NumberBound& bound : set.at_least) all.push_back(bounded(texts, bound, true, behind_minus));
  for (const NumberBound& bound : set.at_most) all.push_back(bounded(texts, bound, false, behind_minus));
  // The bounds' texts are well-formed by themselves.
  std::erase(all, texts.any());
  if (all.empty()) all.push_back(texts.any());
  for (const Decimal& divisor : set.multiple_of) all.push_back(texts.multiple(divisor));
  for (const Decimal& divisor : set.not_multiple_of) all.push_back(arena.complement(texts.multiple(divisor)));
  for (Decimal value : set.excluded) {
    if (!value.digits.empty() && value.negative != behind_minus) continue;
    value.negative = false;
    all.push_back(arena.complement(texts.compared(value, false, true, false)));
  }
  return arena.all_of(std::move(all));
}

Result<ExprId> listed_texts(ExprArena& arena, const NumberSet& set) {
  NumberSet conditions = set;
  conditions.listed.reset();
  PUMICE_ASSIGN(const ExprId allowed, number_texts(arena, conditions));
  std::vector<std::string> texts;
  for (const Decimal& value : *set.listed) {
    const Places places = places_of(value);
    const std::string text = (value.negative ? "-" : "") + places.whole;
    if (places.fraction.empty()) texts.push_back(text);
    texts.push_back(text + "." + (places.fraction.empty() ? "0" : places.fraction));
  }
  std::erase_if(texts, [&](const std::string& text) { return !arena.matches(allowed, text); });
  return arena.texts(std::move(texts));
}

}  // namespace

bool NumberSet::is_every() const {
  return whole == Whole::kAny && at_least.empty() && at_most.empty() && multiple_of.empty() &&
         not_multiple_of.empty() && excluded.empty() && !listed;
}

void NumberSet::add(const NumberSet& other) {
  if (whole == Whole::kAny || whole == other.whole) {
    whole = other.whole == Whole::kAny ? whole : other.whole;
  } else if (other.whole != Whole::kAny) {
    whole = Whole::kBoth;
  }
  const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  append(at_least, other.at_least);
  append(at_most, other.at_most);
  append(multiple_of, other.multiple_of);
  append(not_multiple_of, other.not_multiple_of);
  append(excluded, other.excluded);
  if (!other.listed) return;
  if (!listed) {
    listed = other.listed;
  } else {
    std::erase_if(*listed, [&](const Decimal& value) {
      return std::find(other.listed->begin(), other.listed->end(), value) == other.listed->end();
    });
  }
}

int compare(const Decimal& a, const Decimal& b) {
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  const int sign = a.negative ? -1 : 1;
  if (a.digits.empty() || b.digits.empty()) return sign * (static_cast<int>(!a.digits.empty()) - !b.digits.empty());
  const int64_t a_high = a.exponent + static_cast<int64_t>(a.digits.size());
  const int64_t b_high = b.exponent + static_cast<int64_t>(b.digits.size());
  if (a_high != b_high) return a_high < b_high ? -sign : sign;
  const int order = a.digits.compare(b.digits);
  return order == 0 ? 0 : order < 0 ? -sign : sign;
}

Result<ExprId> number_texts(ExprArena& arena, const NumberSet& given) {
  PUMICE_TRY(check(given));
  if (given.listed) return listed_texts(arena, given);
  NumberSet set = given;
  const auto higher = [](const NumberBound& a, const NumberBound& b) {
    const int order = compare(a.value, b.value);
    return order != 0 ? order > 0 : a.inclusive < b.inclusive;
  };
  if (!set.at_least.empty()) set.at_least = {*std::min_element(set.at_least.begin(), set.at_least.end(), higher)};
  if (!set.at_most.empty()) {
    const auto lower = [](const NumberBound& a, const NumberBound& b) {
      const int order = compare(a.value, b.value);
      return order != 0 ? order < 0 : a.inclusive < b.inclusive;
    };
    set.at_most = {*std::min_element(set.at_most.begin(), set.at_most.end(), lower)};
  }
  NumberTexts texts(arena, set.whole);
  const ExprId positive = unsigned_texts(arena, texts, set, false), negative = unsigned_texts(arena, texts, set, true);
  std::vector<ExprId> parts = {positive, arena.concat(arena.text("-"), negative)};
  if (set.is_every()) parts.push_back(arena.concat(arena.optional(arena.text("-")), texts.exponent()));
  return arena.any_of(std::move(parts));
}

}  // namespace pumice::grammar
