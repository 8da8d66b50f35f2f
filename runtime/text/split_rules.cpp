#include "text/split_rules.h"

#include <iterator>

#include "text/unicode.h"

namespace pumice::split {
namespace {

using C = CharClass;

bool is(const TextUnits& u, size_t i, uint8_t mask) { return (u.classes[i] & mask) != 0; }
bool is_newline(const TextUnits& u, size_t i) { return u.code_points[i] == '\r' || u.code_points[i] == '\n'; }
bool is_digit(uint32_t c) { return c >= '0' && c <= '9'; }
bool is_lower(uint32_t c) { return c >= 'a' && c <= 'z'; }
bool is_upper(uint32_t c) { return c >= 'A' && c <= 'Z'; }

size_t run_end(const TextUnits& u, size_t i, size_t end, uint8_t mask) {
  while (i < end && is(u, i, mask)) ++i;
  return i;
}

// A matcher returns where the match at i ends, or i where there is none.
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
size_t match_contraction(const TextUnits& u, size_t i, size_t end, bool any_case) {
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
size_t match_run_after_blank(const TextUnits& u, size_t i, size_t end, uint8_t mask) {
  const size_t start = u.code_points[i] == ' ' ? i + 1 : i;
  const size_t stop = run_end(u, start, end, mask);
  return stop > start ? stop : i;
}

// \s+(?!\S)|\s+
size_t match_space(const TextUnits& u, size_t i, size_t end) {
  const size_t stop = run_end(u, i, end, C::kSpace);
  return stop < end && stop - i > 1 ? stop - 1 : stop;
}

// \s*[\r\n]+|\s+(?!\S)|\s+
size_t match_lines_or_space(const TextUnits& u, size_t i, size_t end) {
  size_t after_newline = i;
  for (size_t k = i; k < end && is(u, k, C::kSpace); ++k) {
    if (is_newline(u, k)) after_newline = k + 1;
  }
  return after_newline > i ? after_newline : match_space(u, i, end);
}

size_t skip_newlines(const TextUnits& u, size_t i, size_t end, bool or_slash) {
  while (i < end && (is_newline(u, i) || (or_slash && u.code_points[i] == '/'))) ++i;
  return i;
}

constexpr uint8_t kNotSpaceLetterNumber = C::kPunctuation | C::kSymbol | C::kMark | C::kOther;

struct WordRule {
  uint8_t letters = C::kLetter;
  uint8_t prefix_excludes = C::kLetter | C::kNumber;
  uint8_t symbols = kNotSpaceLetterNumber;
  size_t max_digits = 1;
};

// One optional unit of [^\r\n…], then the letters
size_t match_prefixed_letters(const TextUnits& u, size_t i, size_t end, const WordRule& rule) {
  if (is(u, i, rule.letters)) return run_end(u, i, end, rule.letters);
  if (is(u, i, rule.prefix_excludes) || is_newline(u, i)) return i;
  const size_t stop = run_end(u, i + 1, end, rule.letters);
  return stop > i + 1 ? stop : i;
}

size_t match_number(const TextUnits& u, size_t i, size_t end, size_t max) {
  size_t stop = i;
  while (stop < end && stop - i < max && is(u, stop, C::kNumber)) ++stop;
  return stop;
}

size_t match_symbols_and_lines(const TextUnits& u, size_t i, size_t end, uint8_t symbols, bool or_slash) {
  const size_t stop = match_run_after_blank(u, i, end, symbols);
  return stop > i ? skip_newlines(u, stop, end, or_slash) : i;
}

void cut_words(const TextUnits& u, size_t begin, size_t end, Ends& ends, const WordRule& rule) {
  cut(begin, end, ends, [&](size_t i) {
    if (const size_t stop = match_contraction(u, i, end, true); stop > i) return stop;
    if (const size_t stop = match_prefixed_letters(u, i, end, rule); stop > i) return stop;
    if (const size_t stop = match_number(u, i, end, rule.max_digits); stop > i) return stop;
    if (const size_t stop = match_symbols_and_lines(u, i, end, rule.symbols, false); stop > i) return stop;
    return match_lines_or_space(u, i, end);
  });
}

// U*V+|U+V* from i, where U is a letter but a-z and V a letter but A-Z. A letter beyond ASCII is both, so where no V
// follows the U's, the first alternative gives back what follows the last letter beyond ASCII.
size_t match_cased_letters(const TextUnits& u, size_t i, size_t end) {
  const auto c = [&](size_t k) { return u.code_points[k]; };
  size_t stop = i;
  while (stop < end && is(u, stop, C::kLetter) && !is_lower(c(stop))) ++stop;
  const size_t upper_end = stop;
  while (stop < end && is(u, stop, C::kLetter) && !is_upper(c(stop))) ++stop;
  if (stop > upper_end) return stop;
  for (size_t k = upper_end; k > i; --k) {
    if (!is_upper(c(k - 1))) return k;
  }
  return upper_end;
}

void cut_cased_words(const TextUnits& u, size_t begin, size_t end, Ends& ends, size_t max_digits, bool contractions) {
  cut(begin, end, ends, [&](size_t i) {
    const bool prefix = !is(u, i, C::kLetter | C::kNumber) && !is_newline(u, i);
    const size_t start = prefix ? i + 1 : i;
    if (size_t stop = match_cased_letters(u, start, end); stop > start) {
      return contractions && stop < end ? match_contraction(u, stop, end, true) : stop;
    }
    if (const size_t stop = match_number(u, i, end, max_digits); stop > i) return stop;
    if (const size_t stop = match_symbols_and_lines(u, i, end, kNotSpaceLetterNumber, true); stop > i) return stop;
    return match_lines_or_space(u, i, end);
  });
}

struct Range {
  uint32_t first, last;
};

// DeepSeek-LLM's cased letters, in ascending order; a flat table.
constexpr Range kCasedLetters[] = {
    {0x41, 0x5A},       {0x61, 0x7A},       {0xB5, 0xB5},       {0xC0, 0xD6},       {0xD8, 0xF6},
    {0xF8, 0x1BA},      {0x1BC, 0x1BF},     {0x1C4, 0x293},     {0x295, 0x2AF},     {0x370, 0x373},
    {0x376, 0x377},     {0x37B, 0x37D},     {0x37F, 0x37F},     {0x386, 0x386},     {0x388, 0x38A},
    {0x38C, 0x38C},     {0x38E, 0x3A1},     {0x3A3, 0x3F5},     {0x3F7, 0x481},     {0x48A, 0x52F},
    {0x531, 0x556},     {0x10A0, 0x10C5},   {0x13A0, 0x13F5},   {0x13F8, 0x13FD},   {0x1C90, 0x1CBA},
    {0x1CBD, 0x1CBF},   {0x1D00, 0x1D2B},   {0x1D6B, 0x1D77},   {0x1D79, 0x1D9A},   {0x1E00, 0x1F15},
    {0x1F18, 0x1F1D},   {0x1F20, 0x1F45},   {0x1F48, 0x1F4D},   {0x1F50, 0x1F57},   {0x1F59, 0x1F59},
    {0x1F5B, 0x1F5B},   {0x1F5D, 0x1F5D},   {0x1F5F, 0x1F7D},   {0x1F80, 0x1FB4},   {0x1FB6, 0x1FBC},
    {0x1FBE, 0x1FBE},   {0x1FC2, 0x1FC4},   {0x1FC6, 0x1FCC},   {0x1FD0, 0x1FD3},   {0x1FD6, 0x1FDB},
    {0x1FE0, 0x1FEC},   {0x1FF2, 0x1FF4},   {0x1FF6, 0x1FFC},   {0x2102, 0x2102},   {0x2107, 0x2107},
    {0x210A, 0x2113},   {0x2115, 0x2115},   {0x2119, 0x211D},   {0x2124, 0x2124},   {0x2126, 0x2126},
    {0x2128, 0x2128},   {0x212A, 0x212D},   {0x212F, 0x2134},   {0x2139, 0x2139},   {0x213C, 0x213F},
    {0x2145, 0x2149},   {0x214E, 0x214E},   {0x2183, 0x2184},   {0x2C00, 0x2C7B},   {0x2C7E, 0x2CE4},
    {0x2CEB, 0x2CEE},   {0x2CF2, 0x2CF3},   {0xA640, 0xA66D},   {0xA680, 0xA69B},   {0xA722, 0xA76F},
    {0xA771, 0xA787},   {0xA78B, 0xA78E},   {0xAB70, 0xABBF},   {0xFB00, 0xFB06},   {0xFB13, 0xFB17},
    {0xFF21, 0xFF3A},   {0xFF41, 0xFF5A},   {0x10400, 0x1044F}, {0x104B0, 0x104D3}, {0x104D8, 0x104FB},
    {0x10C80, 0x10CB2}, {0x10CC0, 0x10CF2}, {0x118A0, 0x118DF}, {0x1E900, 0x1E943},
};

constexpr Range kDeepseekMarks[] = {{0x21, 0x2F},     {0x3A, 0x7E},     {0x2018, 0x201F},
                                    {0x3000, 0x3002}, {0xFF01, 0xFF0F}, {0xFF1A, 0xFF5E}};
constexpr Range kEastAsian[] = {{0x800, 0x9FA5}, {0xAC00, 0xD7FF}};
constexpr Range kHanAndKana[] = {{0x3040, 0x30FF}, {0x4E00, 0x9FA5}};

template <size_t N>
bool in_ranges(const Range (&ranges)[N], uint32_t c) {
  size_t low = 0;
  for (size_t high = N; low < high;) {
    const size_t middle = (low + high) / 2;
    if (ranges[middle].last < c) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < N && ranges[low].first <= c;
}

// Whitespace is in no class: it counts as whitespace before its code point is looked at.
template <size_t N>
auto among(const TextUnits& u, const Range (&ranges)[N]) {
  return [&u, &ranges](size_t i) { return !is(u, i, C::kSpace) && in_ranges(ranges, u.code_points[i]); };
}

bool is_ascii_mark(uint32_t c, bool backtick) {
  switch (c) {
    case '$':
    case '+':
    case '<':
    case '=':
    case '>':
    case '^':
    case '~':
    case '|':
      return true;
    case '`':
      return backtick;
    default:
      return false;
  }
}

}  // namespace

void gpt2(const TextUnits& u, size_t begin, size_t end, Ends& ends) {
  cut(begin, end, ends, [&](size_t i) {
    if (const size_t stop = match_contraction(u, i, end, false); stop > i) return stop;
    for (const uint8_t mask : {C::kLetter, C::kNumber, kNotSpaceLetterNumber}) {
      if (const size_t stop = match_run_after_blank(u, i, end, mask); stop > i) return stop;
    }
    return match_space(u, i, end);
  });
}

void llama3(const TextUnits& u, size_t b, size_t e, Ends& ends) { cut_words(u, b, e, ends, {.max_digits = 3}); }
void qwen2(const TextUnits& u, size_t b, size_t e, Ends& ends) { cut_words(u, b, e, ends, {}); }

void qwen35(const TextUnits& u, size_t begin, size_t end, Ends& ends) {
  cut_words(u, begin, end, ends,
            {.letters = C::kLetter | C::kMark, .symbols = C::kPunctuation | C::kSymbol | C::kOther});
}

void tekken(const TextUnits& u, size_t b, size_t e, Ends& ends) { cut_cased_words(u, b, e, ends, 1, false); }
void gpt4o(const TextUnits& u, size_t b, size_t e, Ends& ends) { cut_cased_words(u, b, e, ends, 3, true); }

void deepseek_v3(const TextUnits& u, size_t begin, size_t end, Ends& ends) {
  const WordRule letters = {.letters = C::kLetter | C::kMark,
                            .prefix_excludes = C::kLetter | C::kPunctuation | C::kSymbol};
  cut(begin, end, ends, [&](size_t i) {
    const bool ascii_mark = u.code_points[i] < 0x80 && is(u, i, C::kPunctuation | C::kSymbol);
    size_t stop = i + 1;
    while (ascii_mark && stop < end && (is_lower(u.code_points[stop]) || is_upper(u.code_points[stop]))) ++stop;
    if (stop > i + 1) return stop;
    if (stop = match_prefixed_letters(u, i, end, letters); stop > i) return stop;
    if (stop = match_symbols_and_lines(u, i, end, C::kPunctuation | C::kSymbol, false); stop > i) return stop;
    return match_lines_or_space(u, i, end);
  });
}

void newline(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut_runs(u, b, e, ends, false, 1, 1, [&](size_t i) { return is_newline(u, i); });
}
void number(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut_runs(u, b, e, ends, false, 1, 1, [&](size_t i) { return is(u, i, C::kNumber); });
}
void numbers_by_three(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut_runs(u, b, e, ends, false, 1, 3, [&](size_t i) { return is(u, i, C::kNumber); });
}
void numbers(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut_runs(u, b, e, ends, false, 1, kNoLimit, [&](size_t i) { return is(u, i, C::kNumber); });
}
void three_digits(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut_runs(u, b, e, ends, false, 3, 3, [&](size_t i) { return is_digit(u.code_points[i]); });
}
void punctuation(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut_runs(u, b, e, ends, false, 1, kNoLimit,
           [&](size_t i) { return is(u, i, C::kPunctuation) || is_ascii_mark(u.code_points[i], false); });
}
void punctuation_and_backtick(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut_runs(u, b, e, ends, false, 1, kNoLimit,
           [&](size_t i) { return is(u, i, C::kPunctuation) || is_ascii_mark(u.code_points[i], true); });
}
void spaced_letters(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut_runs(u, b, e, ends, true, 1, kNoLimit, [&](size_t i) { return is(u, i, C::kLetter); });
}
void spaced_punctuation(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut_runs(u, b, e, ends, true, 1, kNoLimit, [&](size_t i) { return is(u, i, C::kPunctuation); });
}
void spaced_cased_letters(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut_runs(u, b, e, ends, true, 1, kNoLimit, among(u, kCasedLetters));
}
void spaced_deepseek_marks(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut_runs(u, b, e, ends, true, 1, kNoLimit, among(u, kDeepseekMarks));
}
void east_asian(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut_runs(u, b, e, ends, false, 1, kNoLimit, among(u, kEastAsian));
}
void han_and_kana(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut_runs(u, b, e, ends, false, 1, kNoLimit, among(u, kHanAndKana));
}

void trailing_space(const TextUnits& u, size_t begin, size_t end, Ends& ends) {
  size_t start = end;
  while (start > begin && is(u, start - 1, C::kSpace)) --start;
  if (start > begin) ends.push_back(start);
  if (start < end) ends.push_back(end);
}

}  // namespace pumice::split
