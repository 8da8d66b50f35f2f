// What the rules of split_rules.h are made of: matchers of a class, a run, a contraction, whitespace.
//
// A matcher returns where the match at i ends, or i where there is none. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "text/split_rules.h"
#include "text/unicode.h"

namespace pumice::split {

using C = CharClass;

inline bool is(const TextUnits& u, size_t i, uint8_t mask) { return (u.classes[i] & mask) != 0; }
inline bool is_newline(const TextUnits& u, size_t i) { return u.code_points[i] == '\r' || u.code_points[i] == '\n'; }
inline bool is_digit(uint32_t c) { return c >= '0' && c <= '9'; }
inline bool is_lower(uint32_t c) { return c >= 'a' && c <= 'z'; }
inline bool is_upper(uint32_t c) { return c >= 'A' && c <= 'Z'; }

inline size_t run_end(const TextUnits& u, size_t i, size_t end, uint8_t mask) {
  while (i < end && is(u, i, mask)) ++i;
  return i;
}

template <typename Match>
void cut(size_t begin, size_t end, Ends& ends, Match match) {
  size_t unmatched = begin;
  for (size_t i = begin; i < end;) {
    const size_t stop = match(i);
    if (stop == i) {
      ++i;
      continue;
    }
    if (i > unmatched) ends.push_back(i);
    ends.push_back(stop);
    unmatched = i = stop;
  }
  if (unmatched < end) ends.push_back(end);
}

// (\s?)P{min,max}: `lead` says whether one whitespace may stand before, which no P may be.
template <typename Predicate>
void cut_runs(const TextUnits& u, size_t begin, size_t end, Ends& ends, bool lead, size_t min, size_t max,
              Predicate in) {
  cut(begin, end, ends, [&](size_t i) {
    const size_t start = lead && is(u, i, C::kSpace) ? i + 1 : i;
    size_t stop = start;
    while (stop < end && stop - start < max && in(stop)) ++stop;
    return stop - start >= min ? stop : i;
  });
}

constexpr size_t kNoLimit = static_cast<size_t>(-1);

// '(s|t|re|ve|m|ll|d)
inline size_t match_contraction(const TextUnits& u, size_t i, size_t end, bool any_case) {
  if (u.code_points[i] != '\'') return i;
  const auto letter = [&](size_t k) -> uint32_t {
    if (k >= end) return 0;
    const uint32_t c = u.code_points[k];
    return any_case && is_upper(c) ? c + ('a' - 'A') : c;
  };
  const uint32_t a = letter(i + 1);
  const uint32_t b = letter(i + 2);
  if (a == 's' || a == 't' || a == 'm' || a == 'd') return i + 2;
  if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return i + 3;
  return i;
}

// " ?" and a run of the class; the space only where the run follows
inline size_t match_run_after_blank(const TextUnits& u, size_t i, size_t end, uint8_t mask) {
  const size_t start = u.code_points[i] == ' ' ? i + 1 : i;
  const size_t stop = run_end(u, start, end, mask);
  return stop > start ? stop : i;
}

// \s+(?!\S)|\s+
inline size_t match_space(const TextUnits& u, size_t i, size_t end) {
  const size_t stop = run_end(u, i, end, C::kSpace);
  return stop < end && stop - i > 1 ? stop - 1 : stop;
}

// \s*[\r\n]+|\s+(?!\S)|\s+
inline size_t match_lines_or_space(const TextUnits& u, size_t i, size_t end) {
  size_t after_newline = i;
  for (size_t k = i; k < end && is(u, k, C::kSpace); ++k) {
    if (is_newline(u, k)) after_newline = k + 1;
  }
  return after_newline > i ? after_newline : match_space(u, i, end);
}

inline size_t skip_newlines(const TextUnits& u, size_t i, size_t end, bool or_slash) {
  while (i < end && (is_newline(u, i) || (or_slash && u.code_points[i] == '/'))) ++i;
  return i;
}

constexpr uint8_t kNotSpaceLetterNumber = C::kPunctuation | C::kSymbol | C::kMark | C::kOther;

inline size_t match_number(const TextUnits& u, size_t i, size_t end, size_t max) {
  size_t stop = i;
  while (stop < end && stop - i < max && is(u, stop, C::kNumber)) ++stop;
  return stop;
}

inline size_t match_symbols_and_lines(const TextUnits& u, size_t i, size_t end, uint8_t symbols, bool or_slash) {
  const size_t stop = match_run_after_blank(u, i, end, symbols);
  return stop > i ? skip_newlines(u, stop, end, or_slash) : i;
}

}  // namespace pumice::split
