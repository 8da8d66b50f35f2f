// Rules that look at one class of characters each.
#include <string_view>

#include "text/split_match.h"
#include "text/split_rules.h"
#include "text/unicode.h"

namespace pumice::split {
namespace {

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
constexpr Range kAsianScripts[] = {{0x0E40, 0x0EFF}, {0x1000, 0x109F}, {0x1100, 0x11FF},
                                   {0x1780, 0x17FF}, {0x2F00, 0x2FDF}, {0x3040, 0x30FF},
                                   {0x3400, 0x4DBF}, {0x4E00, 0xFAFF}, {0xFF65, 0xFF9F}};
constexpr Range kHangul[] = {{0x3131, 0x318E}, {0xAC00, 0xD7A3}};
constexpr Range kChineseMarks[] = {{0x2014, 0x2014}, {0x2018, 0x2019}, {0x201C, 0x201D},
                                   {0x2026, 0x2026}, {0x3001, 0x303F}, {0xFE30, 0xFE4F},
                                   {0xFF01, 0xFF01}, {0xFF0C, 0xFF0C}, {0xFF1A, 0xFF1B}};
constexpr Range kBopomofo[] = {{0x3105, 0x312F}};

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

// What ends a word in ` ?[^(\s|.,!?…。，、।۔،)]+`
bool is_bloom_stop(uint32_t c) {
  switch (c) {
    case '(':
    case ')':
    case '|':
    case '.':
    case ',':
    case '!':
    case '?':
    case 0x2026:
    case 0x3002:
    case 0xFF0C:
    case 0x3001:
    case 0x0964:
    case 0x06D4:
    case 0x060C:
      return true;
    default:
      return false;
  }
}

bool starts_with(const TextUnits& u, size_t i, size_t end, std::string_view text) {
  if (end - i < text.size()) return false;
  for (size_t k = 0; k < text.size(); ++k)
    if (u.code_points[i + k] != static_cast<uint8_t>(text[k])) return false;
  return true;
}

}  // namespace

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

void newline_runs(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut_runs(u, b, e, ends, false, 1, kNoLimit, [&](size_t i) { return u.code_points[i] == '\n'; });
}
void space_marks(const TextUnits& u, size_t begin, size_t end, Ends& ends) {
  for (size_t i = begin + 1; i < end; ++i)
    if (u.code_points[i] == 0x2581) ends.push_back(i);
  if (begin < end) ends.push_back(end);
}
void not_space(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut_runs(u, b, e, ends, false, 1, kNoLimit, [&](size_t i) { return !is(u, i, C::kSpace); });
}
void asian_scripts(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut_runs(u, b, e, ends, false, 1, kNoLimit, among(u, kAsianScripts));
}
void youtu_scripts(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  const auto kind = [&](size_t i) {
    const uint32_t c = u.code_points[i];
    return in_ranges(kHangul, c)         ? 1
           : in_ranges(kChineseMarks, c) ? 2
           : in_ranges(kBopomofo, c)     ? 3
           : in_ranges(kHanAndKana, c)   ? 4
                                         : 0;
  };
  cut(b, e, ends, [&](size_t i) {
    const int first = kind(i);
    size_t stop = i;
    while (first != 0 && stop < e && kind(stop) == first) ++stop;
    return stop;
  });
}
void bloom(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  const auto in_word = [&](size_t i) { return !is(u, i, C::kSpace) && !is_bloom_stop(u.code_points[i]); };
  cut(b, e, ends, [&](size_t i) {
    const size_t start = u.code_points[i] == ' ' ? i + 1 : i;
    size_t stop = start;
    while (stop < e && in_word(stop)) ++stop;
    return stop > start ? stop : i;
  });
}

void numbers_from_right(const TextUnits& u, size_t begin, size_t end, Ends& ends) {
  for (size_t i = begin; i < end;) {
    const size_t stop = run_end(u, i, end, C::kNumber);
    for (size_t k = stop - (stop - i) / 3 * 3; k <= stop; k += 3)
      if (k > i) ends.push_back(k);
    i = stop > i ? stop : i + 1;
  }
  if (begin < end && (ends.empty() || ends.back() != end)) ends.push_back(end);
}

void before_three_digits(const TextUnits& u, size_t begin, size_t end, Ends& ends) {
  for (size_t i = begin; i < end;) {
    size_t stop = i;
    while (stop < end && is_digit(u.code_points[stop])) ++stop;
    for (size_t k = stop - (stop - i) / 3 * 3; k < stop; k += 3)
      if (k > begin) ends.push_back(k);
    i = stop > i ? stop : i + 1;
  }
  if (begin < end) ends.push_back(end);
}

void sentinels(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  constexpr std::string_view kOpen = "<sentinel:";
  cut(b, e, ends, [&](size_t i) {
    if (!starts_with(u, i, e, kOpen)) return i;
    size_t stop = i + kOpen.size();
    while (stop < e && is_digit(u.code_points[stop])) ++stop;
    return stop > i + kOpen.size() && stop < e && u.code_points[stop] == '>' ? stop + 1 : i;
  });
}
void image_tokens(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  constexpr std::string_view kOpen = "IMGIMG";
  cut(b, e, ends, [&](size_t i) {
    if (!starts_with(u, i, e, kOpen)) return i;
    const size_t first = i + kOpen.size();
    size_t stop = first;
    while (stop < e && stop - first < 4 && u.code_points[stop] >= 'A' && u.code_points[stop] <= 'I') ++stop;
    return stop > first && stop < e && u.code_points[stop] == 'Z' ? stop + 1 : i;
  });
}
void tabs_lines_and_blanks(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut(b, e, ends, [&](size_t i) {
    if (u.code_points[i] == '\t' || u.code_points[i] == '\n') return i + 1;
    return starts_with(u, i, e, "    ") ? i + 4 : starts_with(u, i, e, "  ") ? i + 2 : i;
  });
}
void one_mark(const TextUnits& u, size_t b, size_t e, Ends& ends) {
  cut_runs(u, b, e, ends, false, 1, 1,
           [&](size_t i) { return is(u, i, C::kPunctuation) || (u.code_points[i] < 0x80 && is(u, i, C::kSymbol)); });
}

}  // namespace pumice::split
